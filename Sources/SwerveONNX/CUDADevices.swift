internal import CONNXRuntime
internal import SwerveSystem

/// The NVIDIA GPUs that this process sees.
package enum CUDADevices {
    /// The driver's name for the device that has this number in CUDA: a number of the driver, or the name of a GPU
    /// (`GPU-…`) or of a part of one (`MIG-…`, or `MIG-GPU-…/1/0` with drivers before version 470).
    ///
    /// - Parameters:
    ///   - device: a number among the visible devices.
    ///   - visible: the value of `CUDA_VISIBLE_DEVICES`; nil when it is not set, which makes all devices visible.
    /// - Throws: ``ONNXError`` with code `invalidArgument` when there are fewer visible devices.
    package static func driverName(of device: Int, visible: String?) throws -> String {
        guard let visible else { return String(device) }
        // CUDA ignores the first invalid entry and all entries after it.
        let names = visible.split(separator: ",", omittingEmptySubsequences: false)
            .map { $0.filter { !$0.isWhitespace } }
            .prefix { $0.hasPrefix("GPU-") || $0.hasPrefix("MIG-") || Int($0).map { $0 >= 0 } == true }
        guard names.indices.contains(device) else {
            throw ONNXError(
                .invalidArgument,
                "there is no device \(device): CUDA_VISIBLE_DEVICES is '\(visible)', which makes \(names.count) visible"
            )
        }
        return names[device]
    }

    /// The memory of a device in bytes, as NVML reports it: of a part of a GPU, that part's memory. A GPU that is divided
    /// into parts and given by its number stands for its first part, as in CUDA.
    ///
    /// - Parameter device: a number among the visible devices.
    /// - Throws: ``ONNXError`` with code `invalidArgument`, or `providerUnavailable` when NVML is not installed or does
    ///   not know the device.
    package static func memory(of device: Int) throws -> UInt64 {
        try memory(of: device, visible: ThisProcess.environmentVariable("CUDA_VISIBLE_DEVICES"), library: nil)
    }

    package static func memory(of device: Int, visible: String?, library: String?) throws -> UInt64 {
        let name = try driverName(of: device, visible: visible)
        var total: UInt64 = 0
        var error = onnxrt_error()
        let isRead =
            if let library {
                onnxrt_gpu_memory(library, name, &total, &error)
            } else {
                onnxrt_gpu_memory(nil, name, &total, &error)
            }
        guard isRead else {
            throw ONNXError(
                .providerUnavailable,
                "cannot read how much memory GPU \(name) has, to reserve a part of it: \(error.text)"
            )
        }
        return total
    }
}
