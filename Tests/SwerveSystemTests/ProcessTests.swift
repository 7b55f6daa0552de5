import SwerveSystem
import Testing

@Suite struct ProcessTests {
    @Test func `the process knows itself`() throws {
        #expect(ThisProcess.id > 0 && ThisProcess.parentID > 0 && ThisProcess.id != ThisProcess.parentID)
        #expect(FileSystem.isFile(try ThisProcess.executable()))
        #expect(FileSystem.isFile(ThisProcess.runningExecutable))
        #expect(!ThisProcess.buildID.isEmpty && ThisProcess.buildID == ThisProcess.buildID)
        #expect(ThisProcess.allowedCores >= 1)
        #expect(WallClock.seconds > 1_700_000_000)
    }

    @Test func `a variable of the environment is read and removed`() async {
        await #expect(processExitsWith: .success) {
            #expect(ThisProcess.environmentVariable("PATH") != nil)
            ThisProcess.removeEnvironmentVariable("PATH")
            #expect(ThisProcess.environmentVariable("PATH") == nil)
        }
    }

    @Test func `a process ends with its status, however it ends`() async {
        await #expect(processExitsWith: .exitCode(3)) { ThisProcess.exit(3) }
        await #expect(processExitsWith: .exitCode(4)) { ThisProcess.flushAndExit(4) }
        await #expect(processExitsWith: .exitCode(5)) { ThisProcess.exitAtOnce(5) }
    }

    @Test func `a signal that is ignored or discarded has no effect`() async {
        await #expect(processExitsWith: .success) {
            ProcessSignal.terminate.ignore()
            ProcessNumber.signal(ThisProcess.id, .terminate)
            ProcessSignal.terminate.discard()
            ProcessNumber.signal(ThisProcess.id, .terminate)
        }
        await #expect(processExitsWith: .signal(ProcessSignal.kill.rawValue)) {
            ProcessNumber.signal(ThisProcess.id, .kill)
        }
    }

    @Test func `a reference to a process reaches it`() throws {
        guard let own = ProcessDescriptor(ThisProcess.id) else { return }
        #expect(own.signal(ProcessSignal(0)))
        #expect(ProcessDescriptor(-1) == nil)
    }

    @Test func `signals have the system's texts`() {
        #expect(ProcessSignal.kill.text == "Killed")
        #expect(ErrorNumber.noSuchFile.description == "No such file or directory")
    }

    @Test(.timeLimit(.minutes(5))) func `work uses processor time, of the thread and of the process`() {
        let (process, thread) = (ThisProcess.processorTime, ThreadUsage.now())
        var sum = 0.0
        var used = ThreadUsage.zero
        while used.processor == 0 || ThisProcess.processorTime == process {
            sum += Trigonometry.sine(sum) + 1
            used = ThreadUsage.since(thread)
        }
        #expect(sum > 0 && used.elapsed > 0 && used.waits >= 0)
        #expect(ThreadUsage.zero.processor == 0)
    }

    @Test func `what the C library gave out is counted where it can be`() {
        let before = Heap.usedBytes
        let memory = [UInt8](repeating: 1, count: 16 << 20)
        let during = Heap.usedBytes
        withExtendedLifetime(memory) {}
        #expect(before == 0 || during >= before + 8 << 20)
        Heap.returnUnused()
    }

    @Test func `a thread runs its body beside its starter`() async throws {
        let (ended, end) = AsyncStream.makeStream(of: Int32.self)
        try SystemThread.start {
            end.yield(ThisProcess.id)
            end.finish()
        }
        var ids: [Int32] = []
        for await id in ended { ids.append(id) }
        #expect(ids == [ThisProcess.id])
    }

    @Test func `sines and cosines are those of the C library`() {
        #expect(Trigonometry.sine(0) == 0 && Trigonometry.cosine(0) == 1)
        #expect(abs(Trigonometry.sine(.pi / 6) - 0.5) < 1e-15 && abs(Trigonometry.cosine(.pi / 3) - 0.5) < 1e-15)
    }
}
