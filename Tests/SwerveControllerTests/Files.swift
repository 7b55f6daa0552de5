import Foundation
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A directory for the time of `body`, in which to make other directories.
func withBase<Result>(_ body: (String) throws -> Result) throws -> Result {
    let base = try makeBase()
    defer { remove(base) }
    return try body(base)
}

func withBase<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let base = try makeBase()
    defer { remove(base) }
    return try await body(base)
}

private func makeBase() throws -> String {
    var template = Array("/tmp/runtime-test-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

private func remove(_ path: String) {
    if unlink(path) == 0 { return }
    for name in names(in: path) { remove("\(path)/\(name)") }
    rmdir(path)
}

func makeDirectory(_ path: String, files: [String]) {
    #expect(mkdir(path, 0o700) == 0)
    for file in files { makeFile("\(path)/\(file)") }
}

func makeFile(_ path: String) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    #expect(descriptor >= 0)
    close(descriptor)
}

func names(in path: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? []
}

func text(of path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var text: [UInt8] = []
    while case let byte = getc(file), byte != EOF { text.append(UInt8(byte)) }
    return String(decoding: text, as: UTF8.self)
}
