import Foundation
import SwerveVision

/// Decodes the pictures that `dev/compare-damage.py` writes to its standard input, and answers with their pixels.
///
/// A picture is its length, four bytes with the lowest first, and the file. An answer is the width, the height, the
/// length of what follows, and the RGB pixels. For a file that is refused, the width and height are 0 and the error's
/// message follows.
@main
enum DecodePictures {
    static func main() throws {
        while let length = try number() {
            let file = try FileHandle.standardInput.read(upToCount: length) ?? Data()
            do {
                let image = try Image.decode(file)
                try answer(image.width, image.height, Data(image.pixels))
            } catch let error as ImageError {
                try answer(0, 0, Data(error.message.utf8))
            }
        }
    }

    private static func number() throws -> Int? {
        guard let bytes = try FileHandle.standardInput.read(upToCount: 4), bytes.count == 4 else { return nil }
        return bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    private static func answer(_ width: Int, _ height: Int, _ content: Data) throws {
        var head = Data()
        for number in [width, height, content.count] {
            for shift in [0, 8, 16, 24] { head.append(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        try FileHandle.standardOutput.write(contentsOf: head + content)
    }
}
