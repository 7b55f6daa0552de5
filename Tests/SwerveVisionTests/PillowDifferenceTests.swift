import Crypto
import Foundation
import NIOCore
import SwerveVision
import TestSupport
import Testing

/// What a decoder makes of a file: pixels, or a refusal.
private struct Outcome: Decodable, Equatable {
    var width: Int?
    var height: Int?
    var digest: String?
    var refused: String?

    init(_ file: ByteBuffer, as format: Image.PixelFormat, isUpright: Bool = false) {
        do {
            let image = try Image.decode(file, as: format, isUpright: isUpright)
            (width, height) = (image.width, image.height)
            digest = SHA256.hash(data: image.pixels).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        } catch {
            refused = error.message
        }
    }

    /// Refusals count as equal, whatever the reasons.
    func agrees(with other: Outcome) -> Bool {
        refused != nil ? other.refused != nil : self == other
    }
}

/// A row of the table in docs/IMAGES.md: cases in which Swerve and Pillow differ in the same way.
private struct Row {
    var names: [String]
    var swerve: String
    var pillow: String

    /// The part of Swerve's message that the row quotes.
    var message: String? {
        let parts = swerve.split(separator: "`")
        return parts.count > 1 ? String(parts[1]) : nil
    }

    static func all() throws -> [Row] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "docs/IMAGES.md"), encoding: .utf8)
        return text.split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 4, cells[0].hasSuffix(".png`") || cells[0].hasSuffix(".jpg`") else { return nil }
            let names = cells[0].split(separator: "`").map(String.init).filter { $0.contains(".") }
            return Row(names: names, swerve: cells[1], pillow: cells[2])
        }
    }
}

private let formats: [String: Image.PixelFormat] = ["L": .grayscale, "RGB": .rgb, "RGBA": .rgba]

@Suite("Differences from Pillow")
struct PillowDifferenceTests {
    /// An unusual file of `dev/golden_damages.py`.
    private struct Case: Decodable {
        var name: String
        /// What Pillow makes of it in each mode.
        var modes: [String: Outcome]
    }

    @Test("docs/IMAGES.md lists every unusual file of which Swerve and Pillow make different things, and no other")
    func unusualFiles() throws {
        let cases = try Golden.json("differences/manifest.json", as: [Case].self)
        #expect(cases.count > 100)
        let rows = try Row.all()
        let listed = rows.flatMap { row in row.names.map { ($0, row) } }
        #expect(Set(listed.map(\.0)).subtracting(cases.map(\.name)) == [], "names that are no case")
        for unusual in cases {
            let file = try Golden.bytes("differences/\(unusual.name)")
            let isUpright = unusual.name.contains("upright")
            let outcomes = unusual.modes.map { mode, pillow in
                (ours: Outcome(file, as: formats[mode] ?? .rgb, isUpright: isUpright), pillow: pillow)
            }
            let row = listed.first { $0.0 == unusual.name }?.1
            let differs = outcomes.contains { !$0.ours.agrees(with: $0.pillow) }
            #expect(differs == (row != nil), "\(unusual.name): Swerve \(outcomes)")
            guard let row, let (ours, pillow) = outcomes.first else { continue }
            #expect(row.swerve.hasPrefix(ours.refused == nil ? "reads" : "refuses"), "\(unusual.name)")
            #expect(row.pillow.hasPrefix(pillow.refused == nil ? "reads" : "refuses"), "\(unusual.name)")
            #expect(ours.refused?.contains(row.message ?? "") != false, "\(unusual.name): \(ours.refused ?? "")")
        }
    }

    /// A file of `dev/golden_damages.py` that was damaged at random.
    private struct DamagedFile: Decodable {
        var name: String
        var length: Int
        var pillow: Outcome
    }

    @Test("Of 500 damaged files Swerve and Pillow read the same ones, with the same pixels, but for listed differences")
    func damagedFiles() throws {
        let cases = try Golden.json("damages/manifest.json", as: [DamagedFile].self)
        #expect(cases.count == 500)
        var files = try Golden.bytes("damages/files")
        let messages = try Row.all().filter { $0.pillow.hasPrefix("reads") }.compactMap(\.message)
        var (readByBoth, refusedByBoth, smoothed) = (0, 0, 0)
        for damaged in cases {
            let file = files.readSlice(length: damaged.length)
            let ours = Outcome(try #require(file), as: .rgb)
            if ours.agrees(with: damaged.pillow) {
                if ours.refused == nil { readByBoth += 1 } else { refusedByBoth += 1 }
            } else if let message = ours.refused {
                #expect(messages.contains { message.contains($0) }, "\(damaged.name): \(message)")
            } else {
                // Versions of libjpeg-turbo smooth incomplete progressive files differently.
                let isSmoothed = damaged.pillow.refused == nil && damaged.name.contains("progressive")
                #expect(isSmoothed, "\(damaged.name): Pillow \(damaged.pillow)")
                smoothed += 1
            }
        }
        #expect(readByBoth > 150)
        #expect(refusedByBoth > 150)
        #expect(smoothed < 15)
    }
}
