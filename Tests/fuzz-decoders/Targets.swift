import NIOCore
import SwerveHTTP
import SwerveHTTPTypes
import SwerveTensor
import SwerveVision

/// Why a result cannot be right.
struct WrongResult: Error {
    let message: String
}

/// A parser to fuzz. To add one, add a case here, an entry in ``Seeds``, and a function that ``run(_:round:)`` calls,
/// in a new file next to those of ``HTTPTargets`` and ``PeerTargets``.
enum Target: String, CaseIterable {
    case jpeg, png, webp, heif, orientation, npy
    case multipart, coding
    case zip
    case requests, chunks, connection, fields
    /// Between processes.
    case frames, calls, answers, values, messages, words

    /// The share of the inputs that this target gets, relative to the others.
    var weight: Int {
        switch self {
        case .jpeg: 25
        case .png: 30
        case .webp: 25
        case .heif: 10
        case .orientation: 15
        case .npy: 15
        case .multipart: 15
        case .coding: 25
        case .zip: 10
        case .requests: 25
        case .chunks: 15
        case .connection: 30
        case .fields: 15
        case .frames: 10
        case .calls: 25
        case .answers: 20
        case .values: 15
        case .messages: 6
        case .words: 3
        }
    }

    /// Whether its inputs consist of frames.
    var isConversation: Bool {
        switch self {
        case .frames, .calls, .answers: true
        default: false
        }
    }

    /// Whether its inputs are made from files of `dev/make-golden.py`.
    var needsGoldenFiles: Bool {
        switch self {
        case .jpeg, .png, .webp, .heif, .orientation, .npy: true
        default: false
        }
    }

    /// The texts that mutations insert.
    var insertions: [String] {
        switch self {
        case .requests, .chunks, .connection, .fields: HTTPSeeds.words
        default: Mutator.words
        }
    }

    /// The limits for pictures, small enough that a byte too many is noticed.
    static let imageLimits = ImageLimits(
        maximumWidth: 2048,
        maximumHeight: 2048,
        maximumPixels: 1 << 16,
        maximumScans: 20,
        maximumFileBytes: 1 << 20
    )
    static let arrayLimits = NPYLimits(maximumDataBytes: 1 << 18)
    static let formLimits = MultipartLimits(maximumParts: 8, maximumHeaderBytes: 1024, maximumHeaders: 8)

    /// The most memory that one input may take.
    var maximumBytes: Int64 {
        switch self {
        // The buffer for an incomplete frame takes 4 MiB, and a long call or value takes 16 MiB when it begins.
        case .frames, .calls, .answers: 100 << 20
        // 256 KiB of pixels, the decoders' own blocks and some copies of a small file; ten times the measured use.
        default: 2 << 20
        }
    }

    /// Runs the parser on an input.
    ///
    /// - Returns: `accepted`, or the code of the refusal.
    /// - Throws: ``WrongResult`` when what the parser accepts contradicts itself or its limits.
    func run(_ input: [UInt8], round: Int) throws(WrongResult) -> String {
        // Of the exact size, so that the sanitizer notices a read just past the end. Arrays have spare capacity.
        let exact = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: input.count)
        defer { exact.deallocate() }
        _ = exact.initialize(from: input)
        return try run(UnsafeBufferPointer(exact), round: round)
    }

    private func run(_ input: UnsafeBufferPointer<UInt8>, round: Int) throws(WrongResult) -> String {
        do {
            switch self {
            case .jpeg, .png, .webp, .heif:
                let format: Image.PixelFormat = [.rgb, .grayscale, .rgba][round % 3]
                let image = try Image.decode(input, as: format, isUpright: round % 2 == 0, limits: Self.imageLimits)
                try check(image, format.channels)
            case .orientation:
                let orientation = ImageOrientation(file: input)
                return orientation == .up ? "nothing to turn" : "accepted"
            case .npy:
                try checkArray(ByteBuffer(bytes: input))
            case .multipart:
                try checkForm(ByteBuffer(bytes: input))
            case .coding: return try CodingTarget.run(input, round: round)
            case .zip: return try ZipTarget.run(input)
            case .requests: return try HTTPTargets.requests(input, round: round)
            case .chunks: return try HTTPTargets.chunks(input, round: round)
            case .connection: return try HTTPConnectionTarget.run(input, round: round)
            case .fields: return try HTTPFieldTarget.run(input)
            case .frames: return try PeerTargets.frames(input, round)
            case .calls: return try PeerTargets.calls(input, round)
            case .answers: return try PeerTargets.answers(input, round)
            case .values: return try PeerTargets.value(input)
            case .messages: return try PeerTargets.message(input)
            case .words: return try PeerTargets.word(input)
            }
            return "accepted"
        } catch let error as ImageError {
            return error.code.rawValue
        } catch let error as TensorError {
            return "\(error.code)"
        } catch let error as ServeHTTPError {
            return "\(error.status.code)"
        } catch let error as WrongResult {
            throw error
        } catch {
            throw WrongResult(message: "an error of another type: \(error)")
        }
    }

    private func check(_ image: Image, _ channels: Int) throws(WrongResult) {
        guard image.pixels.count == image.width * image.height * channels, image.channels == channels,
            image.width * image.height <= Self.imageLimits.maximumPixels, max(image.width, image.height) <= 2048
        else { throw WrongResult(message: "\(image) has \(image.pixels.count) bytes") }
    }

    private func checkArray(_ file: ByteBuffer) throws {
        let tensor = try Tensor(npy: file, limits: Self.arrayLimits)
        let count = tensor.shape.reduce(tensor.elementType.byteCount, *)
        guard tensor.bytes.readableBytes == count, count <= Self.arrayLimits.maximumDataBytes else {
            throw WrongResult(message: "\(tensor) has \(tensor.bytes.readableBytes) bytes")
        }
        guard try Tensor(npy: tensor.npy()) == tensor else { throw WrongResult(message: "\(tensor) is reread wrong") }
        guard let image = try? Image(npy: file, limits: Self.imageLimits) else { return }
        try check(image, image.channels)
    }

    private func checkForm(_ bytes: ByteBuffer) throws {
        // The first line is the content type.
        var body = bytes
        let line = body.readableBytesView.prefix { $0 != 0x0A }
        let boundary = try MultipartForm.boundary(ofContentType: String(decoding: line, as: UTF8.self))
        body.moveReaderIndex(forwardBy: min(line.count + 1, body.readableBytes))
        let form = try MultipartForm(body, boundary: boundary, limits: Self.formLimits)
        let taken = form.parts.reduce(0) { $0 + $1.body.readableBytes + boundary.utf8.count }
        guard form.parts.count <= Self.formLimits.maximumParts, taken <= body.readableBytes else {
            throw WrongResult(message: "\(form.parts.count) parts with \(taken) bytes out of \(body.readableBytes)")
        }
    }
}
