internal import SwerveCore
internal import SwerveSystem

extension NodeResources {
    /// What this process may use of its machine: cores, memory, and the NVIDIA GPUs that it sees.
    static func detected() -> NodeResources {
        let visible = ThisProcess.environmentVariable("CUDA_VISIBLE_DEVICES")
        let devices = NVIDIADevice.visible(visible, of: NVIDIADevice.all())
        return NodeResources(
            cpus: Machine.cores,
            gpus: devices.map { GPU(id: $0.id, name: $0.product, memory: $0.memory) },
            memory: Machine.memory
        )
    }
}
