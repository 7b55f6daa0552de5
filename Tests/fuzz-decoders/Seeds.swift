import Foundation

/// The files that are mutated, per target.
struct Seeds {
    private var files: [Target: [[UInt8]]] = [:]

    /// Reads the golden files that `dev/make-golden.py` makes.
    ///
    /// - Parameter folder: the one that holds `kinds`, `images` and `npy`.
    init(goldenFolder folder: String) throws {
        let root = URL(filePath: folder)
        for path in try Self.names(root, "kinds", "images", "npy") {
            let file = [UInt8](try Data(contentsOf: root.appending(path: path)))
            // Small files get most of their bytes changed some time.
            guard file.count <= 40_000 else { continue }
            if path.hasPrefix("npy/") {
                if path.hasSuffix(".npy") { files[.npy, default: []].append(file) }
            } else if path.hasSuffix(".jpg") {
                files[.jpeg, default: []].append(file)
            } else if path.hasSuffix(".png") {
                files[.png, default: []].append(file)
            }
        }
        let oriented = try JSONDecoder().decode(
            [Named].self,
            from: Data(contentsOf: root.appending(path: "kinds/oriented.json"))
        )
        files[.orientation] = try oriented.map {
            [UInt8](try Data(contentsOf: root.appending(path: "kinds/\($0.name)")))
        }
        files[.multipart] = Self.forms.map { Array($0.utf8) }
        addConversations()
    }

    private mutating func addConversations() {
        files[.frames] = PeerSeeds.requests + PeerSeeds.answers
        files[.requests] = PeerSeeds.requests
        files[.answers] = PeerSeeds.answers
        // The first byte says what is read.
        files[.value] =
            (4..<8).map { [$0] + PeerSeeds.encoded(FuzzValue()) } + [
                [0] + PeerSeeds.encoded(["a": FuzzValue().shapes, "": []]), [1] + PeerSeeds.encoded([1, nil, 3]),
                [2] + PeerSeeds.encoded(PeerSeeds.spec),
                [3] + PeerSeeds.encoded(["x": [1, 2], nil: []] as [String?: Set]),
            ]
        files[.message] =
            PeerSeeds.messages.map { [1] + PeerSeeds.encoded($0) }
            + PeerSeeds.hellos.map { [0] + PeerSeeds.encoded($0) }
        files[.word] = (0..<8).map { (number: UInt8) in
            [number, 0, 0, 0, 0, 0, 0, 0, 3, 0, number, 0, 0, 0, 0, 0, 3, 0]
        }
    }

    private struct Named: Decodable {
        var name: String
    }

    /// Sorted, so that a seed gives the same inputs on each machine.
    private static func names(_ root: URL, _ folders: String...) throws -> [String] {
        try folders.flatMap { folder in
            try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path).sorted()
                .map { "\(folder)/\($0)" }
        }
    }

    func files(for target: Target) -> [[UInt8]] { files[target] ?? [] }

    /// A content type and, after a line end, the body.
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
