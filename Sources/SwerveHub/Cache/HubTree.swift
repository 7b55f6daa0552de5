internal import NIOCore
internal import NIOFoundationCompat

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The files of a commit as stored in the cache: `trees/<commit>.json`, in the format of `huggingface_hub` 2.
///
/// It tells whether a snapshot is complete without asking the hub.
struct HubTree: Codable {
    struct Entry: Codable {
        let size: Int
        let blobID: String
        let sha256: String?
        let largeSize: Int?

        enum CodingKeys: String, CodingKey {
            case size
            case blobID = "blob_id"
            case sha256 = "lfs_sha256"
            case largeSize = "lfs_size"
        }
    }

    static let version = 1

    let version: Int
    let files: [String: Entry]

    enum CodingKeys: String, CodingKey {
        case version = "format_version"
        case files
    }

    /// Nil when the hub did not report the size and blob ID of each file.
    init?(_ answer: ListingAnswer) {
        var files: [String: Entry] = [:]
        for file in answer.siblings {
            guard let size = file.size, let blobID = file.blobID else { return nil }
            files[file.path] = Entry(
                size: size,
                blobID: blobID,
                sha256: file.large?.sha256,
                largeSize: file.large?.size
            )
        }
        version = HubTree.version
        self.files = files
    }

    /// Nil when the bytes are damaged or of an unknown version.
    init?(_ bytes: [UInt8]) {
        guard let tree = try? JSONDecoder().decode(HubTree.self, from: ByteBuffer(bytes: bytes)),
            tree.version == HubTree.version
        else { return nil }
        self = tree
    }

    var bytes: [UInt8]? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encodeAsByteBuffer(self, allocator: ByteBufferAllocator())).map { Array(buffer: $0) }
    }

    /// The files, sorted by path.
    var list: [HubFile] {
        files.sorted { $0.key < $1.key }.map { path, entry in
            HubFile(
                path: path,
                size: entry.largeSize ?? entry.size,
                sha256: entry.sha256,
                etag: entry.sha256 ?? entry.blobID
            )
        }
    }
}

/// The hub's answer to a request for a revision's files.
struct ListingAnswer: Decodable {
    struct File: Decodable {
        struct Large: Decodable {
            let size: Int
            let sha256: String
        }

        let path: String
        let size: Int?
        let blobID: String?
        let large: Large?

        enum CodingKeys: String, CodingKey {
            case path = "rfilename"
            case size
            case blobID = "blobId"
            case large = "lfs"
        }
    }

    let commit: String
    let siblings: [File]

    enum CodingKeys: String, CodingKey {
        case commit = "sha"
        case siblings
    }

    /// - Throws: ``HubError`` with code `server` when the body is not a listing.
    init(_ body: ByteBuffer, from address: HubAddress) throws(HubError) {
        do {
            self = try JSONDecoder().decode(ListingAnswer.self, from: body)
        } catch {
            throw HubError(.server, "\(address) does not answer like a hub: no list of files. Check HF_ENDPOINT")
        }
        guard HubName.isCommit(commit) else {
            throw HubError(.server, "\(address) names an invalid commit \(HubName.quoted(commit))")
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        commit = try container.decode(String.self, forKey: .commit)
        siblings = try container.decodeIfPresent([File].self, forKey: .siblings) ?? []
    }

    /// The files, sorted by path; of two with the same name, the first.
    var list: [HubFile] {
        var files: [String: HubFile] = [:]
        for file in siblings where files[file.path] == nil {
            files[file.path] = HubFile(
                path: file.path,
                size: file.large?.size ?? file.size,
                sha256: file.large?.sha256,
                etag: file.large?.sha256 ?? file.blobID
            )
        }
        return files.values.sorted { $0.path < $1.path }
    }
}
