public import SwerveCore
internal import SwerveSystem

extension NodeResources {
    /// What this process may use of its machine: the cores of its affinity and of its control group's quota, memory up
    /// to the limit of its control group, and the NVIDIA GPUs that `CUDA_VISIBLE_DEVICES` lets it see.
    ///
    /// A start for ``ServeOptions/node``, for example to add resources of one's own or to leave a core to others.
    public static func detected() -> NodeResources { detected(library: NVIDIADevice.library) }

    /// - Parameter library: the file of NVML.
    package static func detected(library: String) -> NodeResources {
        let visible = ThisProcess.environmentVariable("CUDA_VISIBLE_DEVICES")
        let devices = NVIDIADevice.visible(visible, of: NVIDIADevice.all(library: library))
        return NodeResources(
            cpus: Machine.cores,
            gpus: devices.map { GPU(id: $0.id, name: $0.product, memory: $0.memory) },
            memory: Machine.memory
        )
    }
}
