import Testing

@testable import SwerveSystem

@Suite struct MappedFileTests {
    @Test func `what one process writes is read through another mapping, also after the first is gone`() throws {
        try withFolder { folder in
            let path = "\(folder)/file"
            do {
                let file = try MappedFile(making: path, bytes: 10_000)
                #expect(file.memory.load(fromByteOffset: 9999, as: UInt8.self) == 0)
                file.memory.storeBytes(of: 7, toByteOffset: 9999, as: UInt8.self)
            }
            let other = try MappedFile(reading: path)
            #expect(other.count == 10_000)
            #expect(other.memory.load(fromByteOffset: 9999, as: UInt8.self) == 7)
        }
    }

    @Test func `a file that is there is not replaced, and one that is not there or empty cannot be read`() throws {
        try withFolder { folder in
            _ = try MappedFile(making: "\(folder)/file", bytes: 1)
            #expect(throws: SystemFailure.self) { _ = try MappedFile(making: "\(folder)/file", bytes: 1) }
            #expect(throws: SystemFailure.self) { _ = try MappedFile(reading: "\(folder)/other") }
            #expect(throws: SystemFailure.self) { _ = try MappedFile(reading: folder) }
        }
    }

    @Test func `a process's resident memory is found in its status`() {
        #expect(ProcessMemory.resident(in: "Name:\tx\nVmPeak:\t  99 kB\nVmRSS:\t  1024 kB\n") == 1 << 20)
        #expect(ProcessMemory.resident(in: "Name:\tVmRSS: 5 kB\n") == nil)
        #expect(ProcessMemory.resident(in: "VmRSS:\tmany kB\n") == nil)
        #expect(ProcessMemory.resident(of: ThisProcess.id).map { $0 > 1 << 20 } ?? false)
        #expect(ProcessMemory.resident(of: -1) == nil)
    }
}
