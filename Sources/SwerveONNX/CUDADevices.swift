internal import CONNXRuntime

/// The GPUs of NVIDIA as this process sees them.
package enum CUDADevices {
    /// What the driver calls the device that CUDA gives this number: a number of its own, or a name.
    ///
    /// - Parameters:
    ///   - device: a number among the visible devices.
    ///   - visible: the content of `CUDA_VISIBLE_DEVICES`; nil when it is not set, and then all are visible.
    /// - Throws: ``ONNXError`` with code `invalidArgument` when there are fewer visible devices.
    package static func driverName(of device: Int, visible: String?) throws -> String {
        guard let visible else { return String(device) }
        // CUDA stops at the first entry that names no device.
        let names = visible.split(separator: ",", omittingEmptySubsequences: false)
            .map { $0.filter { !$0.isWhitespace } }
            .prefix { !$0.isEmpty && ($0.hasPrefix("GPU-") || Int($0).map { $0 >= 0 } == true) }
        guard names.indices.contains(device) else {
            throw ONNXError(
                .invalidArgument,
                "there is no device \(device): CUDA_VISIBLE_DEVICES is '\(visible)', which makes \(names.count) visible"
            )
        }
        return names[device]
    }

    /// The memory of a device in bytes, as NVML tells it.
    ///
    /// - Parameter device: a number among the visible devices.
    /// - Throws: ``ONNXError`` with code `invalidArgument`, or `providerUnavailable` when NVML is not there or does not
    ///   know the device.
    package static func memory(of device: Int) throws -> UInt64 {
        try memory(of: device, visible: Files.environmentVariable("CUDA_VISIBLE_DEVICES"), library: nil)
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
                "the memory of GPU \(name), of which a part is asked for, is not known: \(error.text)"
            )
        }
        return total
    }
}
