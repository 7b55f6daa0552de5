internal import Synchronization

/// A model in a session of ONNX Runtime.
final class RuntimeEngine: Engine {
    let handle: SessionHandle
    let name: String
    let threads: Int
    let inputNames: [String]
    let memory: Mutex<RunMemoryPolicy>

    init(_ handle: SessionHandle, name: String, threads: Int, inputNames: [String], memory: RunMemoryPolicy) {
        self.handle = handle
        self.name = name
        self.threads = threads
        self.inputNames = inputNames
        self.memory = Mutex(memory)
    }

    func makeRun() throws -> any EngineRun {
        RuntimeRun(engine: self, run: try RunHandle(library: handle.library))
    }
}
