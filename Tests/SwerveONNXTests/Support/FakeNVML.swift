import TestSupport

/// A stand-in for NVML with three GPUs, of which the second and third are divided.
enum FakeNVML {
    static let whole = "GPU-11111111-aaaa-0000-0000-000000000000"
    static let divided = "GPU-22222222-bbbb-0000-0000-000000000000"
    static let other = "GPU-33333333-cccc-0000-0000-000000000000"

    static func make(in folder: String) throws -> String {
        try StandInNVML.make(
            in: folder,
            [
                .init(whole, memory: 80000, gpu: 0), .init(divided, memory: 40000, gpu: 1),
                .init(other, memory: 40000, gpu: 2),
                .init("MIG-aaaa1111-0000", memory: 5000, gpu: 1, instances: (7, 0)),
                .init("MIG-aaaa2222-0000", memory: 10000, gpu: 1, instances: (3, 0)),
                .init("MIG-bbbb3333-0000", memory: 20000, gpu: 2, instances: (1, 0)),
                .init("MIG-bbbb4444-0000", memory: 2500, gpu: 2, instances: (1, 1)),
            ]
        )
    }
}
