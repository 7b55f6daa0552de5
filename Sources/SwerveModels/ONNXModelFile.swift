internal import SwerveONNX

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Finds the file that a model's name stands for.
enum ONNXModelFile {
    /// - Parameter model: a file, or a folder with `model.onnx` or `onnx/model.onnx`.
    /// - Throws: ``ONNXError`` with code `notFound`, listing what was looked for.
    static func path(of model: String) throws -> String {
        let candidates = [model, model + "/model.onnx", model + "/onnx/model.onnx"]
        guard let path = candidates.first(where: isFile) else {
            throw ONNXError(.notFound, "there is no model: neither \(candidates.joined(separator: " nor "))")
        }
        return path
    }

    private static func isFile(_ path: String) -> Bool {
        var info = stat()
        return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFREG
    }
}
