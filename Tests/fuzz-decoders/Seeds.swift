import Foundation

/// The files that are mutated, per target.
struct Seeds {
    private var files: [Target: [[UInt8]]] = [:]

    /// - Parameters:
    ///   - targets: the targets that need seeds.
    ///   - folder: the folder with `kinds`, `images`, `npy` and `webp`, which is read only when a target needs it.
    init(for targets: [Target], goldenFolder folder: String) throws {
        if targets.contains(where: \.needsGoldenFiles) { try readGoldenFiles(folder) }
        files[.multipart] = Self.forms.map { Array($0.utf8) }
        files[.coding] = CodingTarget.seeds
        files[.zip] = ZipTarget.seeds
        files[.requests] = HTTPSeeds.requests.map { Array($0.utf8) }
        files[.connection] = (HTTPSeeds.requests + HTTPSeeds.large).map { Array($0.utf8) }
        files[.fields] = HTTPFieldTarget.seeds.map { Array($0.utf8) }
        files[.chunks] = HTTPSeeds.chunks.map { Array($0.utf8) }
        if targets.contains(where: PeerSeeds.targets.contains) { addConversations() }
    }

    private mutating func addConversations() {
        files[.frames] = PeerSeeds.calls + PeerSeeds.answers
        files[.calls] = PeerSeeds.calls
        files[.answers] = PeerSeeds.answers
        files[.values] = PeerSeeds.values
        files[.messages] = PeerSeeds.messageFiles
        files[.words] = PeerSeeds.words
    }

    /// Reads the golden files that `dev/make-golden.py` makes.
    private mutating func readGoldenFiles(_ folder: String) throws {
        let root = URL(filePath: folder)
        for path in try Self.names(root, "kinds", "images", "npy", "webp") {
            let file = [UInt8](try Data(contentsOf: root.appending(path: path)))
            // Only small files, so that most of their bytes are changed at some point.
            guard file.count <= 40_000 else { continue }
            if path.hasPrefix("npy/") {
                if path.hasSuffix(".npy") { files[.npy, default: []].append(file) }
            } else if path.hasSuffix(".jpg") {
                files[.jpeg, default: []].append(file)
            } else if path.hasSuffix(".png") {
                files[.png, default: []].append(file)
            } else if path.hasSuffix(".webp") {
                files[.webp, default: []].append(file)
            } else if path.hasSuffix(".avif") || path.hasSuffix(".heic") {
                files[.heif, default: []].append(file)
            }
        }
        let oriented = try JSONDecoder().decode(
            [Named].self,
            from: Data(contentsOf: root.appending(path: "kinds/oriented.json"))
        )
        files[.orientation] = try oriented.map {
            [UInt8](try Data(contentsOf: root.appending(path: "kinds/\($0.name)")))
        }
        for name in try Self.names(root, "webp") where name.hasPrefix("webp/turned-") && name.hasSuffix(".webp") {
            files[.orientation, default: []].append([UInt8](try Data(contentsOf: root.appending(path: name))))
        }
    }

    private struct Named: Decodable {
        var name: String
    }

    /// The names in the folders, sorted so that a seed gives the same inputs on each machine.
    private static func names(_ root: URL, _ folders: String...) throws -> [String] {
        try folders.flatMap { folder in
            try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path).sorted()
                .map { "\(folder)/\($0)" }
        }
    }

    func files(for target: Target) -> [[UInt8]] { files[target] ?? [] }

    /// Forms, each a content type and, after a line end, the body.
    private static let forms: [String] = {
        let file = "\r\ncontent-type: image/png\r\n\r\n\u{1}PNG\r\n-\r\n--\r\n"
        let head = "--XX\r\nContent-Disposition: form-data; "
        return [
            "multipart/form-data; boundary=XX\n\(head)name=\"a\"\r\n\r\nhello\r\n--XX--\r\n",
            "multipart/form-data; boundary=\"XX\"\n\(head)name=a; filename=\"x.png\"\(file)\r\n--XX--",
            "Multipart/Form-Data; charset=utf-8; BOUNDARY=XX\n\(head)name=\"a\\\"b\"\r\nx: y\r\n\r\n\r\n"
                + "\(head)name=c; filename=\"C:\\\\d\"\(file)\r\n--XX--\r\n",
            "multipart/form-data; boundary=X X\n--X X--\r\n",
            "multipart/form-data; boundary=" + String(repeating: "b", count: 70) + "\n--"
                + String(repeating: "b", count: 70) + "\r\ncontent-disposition: form-data; name=n\r\n"
                + "content-transfer-encoding: 8bit\r\n\r\n" + String(repeating: "\r\n--bbb", count: 30) + "\r\n--"
                + String(repeating: "b", count: 70) + "--",
            "multipart/form-data; boundary=XX\n"
                + String(repeating: "\(head)name=\"n\"\r\n\r\nb\r\n", count: 8) + "--XX--\r\n",
        ]
    }()
}
