import SwerveTensor
import SwerveVision
import TestSupport
import Testing

@Suite("Images and arrays")
struct ImageArrayTests {
    @Test("An image and its array become each other", arguments: ["rgb", "gray", "rgba"])
    func roundTrip(name: String) throws {
        let array = try Golden.tensor("operations/\(name).npy")
        let image = try Image(array: array)
        #expect(try image == Golden.image("operations/\(name).npy"))
        #expect(try image.array() == array)
    }

    @Test("An array with one channel is grey")
    func oneChannel() throws {
        let image = try Image(array: Tensor(shape: [2, 3, 1], values: [UInt8](0..<6)))
        #expect((image.width, image.height, image.channels) == (3, 2, 1))
        #expect(try image.array().shape == [2, 3])
    }

    @Test(
        "An array that is not a picture is refused",
        arguments: [[], [4], [0, 4], [4, 0, 3], [1, 2, 2], [1, 1, 2, 2]]
    )
    func refusedShapes(shape: [Int]) throws {
        let array = try Tensor(shape: shape, values: [UInt8](repeating: 0, count: shape.reduce(1, *)))
        let error = #expect(throws: ImageError.self) { try Image(array: array) }
        #expect(error?.code == .invalidArgument)
    }

    @Test("An array of other numbers is refused, with the type that it has")
    func refusedType() throws {
        let array = try Tensor(shape: [1, 1], values: [Int64(3)])
        let error = #expect(throws: ImageError.self) { try Image(array: array) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("int64") == true)
    }
}
