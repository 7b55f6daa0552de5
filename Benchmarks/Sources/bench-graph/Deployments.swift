import NIOCore
import Swerve

/// A node that does nothing.
@Deployment
distributed actor Step {
    distributed func pass(_ value: Int) -> Int { value }
}

/// Returns something large, which is made only once.
@Deployment
distributed actor Producer {
    private let bytes = ByteBuffer(repeating: 0x61, count: 4 << 20)

    distributed func bytes(_ value: Int) -> ByteBuffer { bytes }
}

@Deployment
distributed actor Consumer {
    distributed func count(_ bytes: ByteBuffer) -> Int { bytes.readableBytes }
}

// MARK: Calls written by hand

// Requests are read and answered with the same code that drivers use, so that only the graph differs.

@Deployment
distributed actor ChainByHand: HTTPIngress {
    private let first: Step
    private let second: Step
    private let third: Step

    init(first: Step, second: Step, third: Step) {
        self.first = first
        self.second = second
        self.third = third
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        let value = try await AutomaticAdapter<Int>().input(from: request)
        return try .json(try await third.pass(try await second.pass(try await first.pass(value))))
    }
}

@Deployment
distributed actor FanByHand: HTTPIngress {
    private let steps: [Step]

    init(steps: [Step]) {
        self.steps = steps
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        let value = try await AutomaticAdapter<Int>().input(from: request)
        async let first = pass(value, to: steps[0])
        async let second = pass(value, to: steps[1])
        async let third = pass(value, to: steps[2])
        async let fourth = pass(value, to: steps[3])
        async let fifth = pass(value, to: steps[4])
        async let sixth = pass(value, to: steps[5])
        async let seventh = pass(value, to: steps[6])
        async let eighth = pass(value, to: steps[7])
        return try .json(try await [first, second, third, fourth, fifth, sixth, seventh, eighth])
    }

    private nonisolated func pass(_ value: Int, to step: Step) async throws -> Int { try await step.pass(value) }
}

@Deployment
distributed actor LargeByHand: HTTPIngress {
    private let producer: Producer
    private let consumer: Consumer

    init(producer: Producer, consumer: Consumer) {
        self.producer = producer
        self.consumer = consumer
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        let value = try await AutomaticAdapter<Int>().input(from: request)
        return try .json(try await consumer.count(try await producer.bytes(value)))
    }
}
