import Foundation
import SwerveEnvironments

/// ZIP files of working directories: nothing that is read leaves the folder, or is more than the limits allow.
enum ZipTarget {
    /// A folder, a stored program, a deflated text, a link and a comment.
    static let seeds: [[UInt8]] = [
        """
        UEsDBBQAAAAAAAAAIVwAAAAAAAAAAAAAAAACAAAAYS9QSwMEFAAAAAAAAAAhXHnUPxcVAAAAFQAAAAgAAABhL3J1bi5zaCMhL2Jpbi9zaApl\
        Y2hvIGhlbGxvClBLAwQUAAAACAAAACFcakzfSRUAAADwAAAACwAAAGEvd29yZHMudHh0y0jNyclXyMAgy/OLclK4MMWHuiwAUEsDBBQAAAAA\
        AAAAIVxJ9PksCwAAAAsAAAAEAAAAbGlua2Evd29yZHMudHh0UEsBAhQDFAAAAAAAAAAhXAAAAAAAAAAAAAAAAAIAAAAAAAAAAAAAAO1BAAAA\
        AGEvUEsBAhQDFAAAAAAAAAAhXHnUPxcVAAAAFQAAAAgAAAAAAAAAAAAAAO2BIAAAAGEvcnVuLnNoUEsBAhQDFAAAAAgAAAAhXGpM30kVAAAA\
        8AAAAAsAAAAAAAAAAAAAAKSBWwAAAGEvd29yZHMudHh0UEsBAhQDFAAAAAAAAAAhXEn0+SwLAAAACwAAAAQAAAAAAAAAAAAAAP+hmQAAAGxp\
        bmtQSwUGAAAAAAQABADRAAAAxgAAAAQAc2VlZA==
        """
    ].map { [UInt8](Data(base64Encoded: $0)!) }

    private static let limits = {
        var limits = FolderLimits()
        limits.bytes = 1 << 16
        limits.entries = 8
        limits.depth = 4
        limits.pathBytes = 64
        limits.archiveBytes = 1 << 20
        return limits
    }()

    /// The reader takes a file of the disk; this one is of memory.
    private static let path = "/dev/shm/swerve-fuzz-\(ProcessInfo.processInfo.processIdentifier).zip"

    static func run(_ input: UnsafeBufferPointer<UInt8>) throws(WrongResult) -> String {
        do {
            try Data(input).write(to: URL(filePath: path))
            defer { try? FileManager.default.removeItem(atPath: path) }
            let file = try ZipFile(path, limits)
            var bytes = 0
            for entry in try file.tree(limits).entries {
                try check(entry)
                guard case .file(let size, _) = entry.kind else { continue }
                var read = 0
                try file.read(entry) { read += $0.count }
                if read != size { throw WrongResult(message: "\(entry) has \(read) bytes") }
                bytes += read
            }
            if bytes > limits.bytes { throw WrongResult(message: "\(bytes) bytes are read") }
            return "accepted"
        } catch is FolderProblem {
            return "refused"
        } catch let error as WrongResult {
            throw error
        } catch {
            throw WrongResult(message: "an error of another type: \(error)")
        }
    }

    /// That neither the path nor the target of a link leads out of the folder.
    private static func check(_ entry: FolderEntry) throws(WrongResult) {
        var names = entry.path.split(separator: "/", omittingEmptySubsequences: false)
        if names.contains(where: { ["", ".", ".."].contains($0) }) {
            throw WrongResult(message: "the path '\(entry.path)'")
        }
        guard case .link(let target) = entry.kind else { return }
        if target.hasPrefix("/") { throw WrongResult(message: "the link to '\(target)'") }
        names.removeLast()
        for name in target.split(separator: "/") where name != "." {
            if name != ".." {
                names.append(name)
            } else if names.popLast() == nil {
                throw WrongResult(message: "the link '\(entry.path)' to '\(target)'")
            }
        }
    }
}
