import NIOCore
import Swerve

/// Each flow in two versions, with the same placement for every deployment.
struct Flows {
    let placement: DeploymentOptions.Placement

    private var options: DeploymentOverrides { DeploymentOverrides(maxOngoingRequests: 1000, placement: placement) }

    private func step() -> Step { Step.Configured(options).bind() }

    // MARK: Three calls, one after another

    func chainByHand() -> ChainByHand {
        ChainByHand.Configured(options).bind(first: step(), second: step(), third: step())
    }

    func chain() -> GraphDriver<Int, Int> {
        let input = InputNode<Int>()
        let node = step().nodes.pass(step().nodes.pass(step().nodes.pass(input)))
        return GraphDriver.bind(node, options: options)
    }

    // MARK: Eight calls at the same time

    func fanByHand() -> FanByHand {
        FanByHand.Configured(options).bind(steps: (0..<8).map { _ in step() })
    }

    func fan() -> GraphDriver<Int, [Int]> {
        let input = InputNode<Int>()
        return GraphDriver.bind(.array((0..<8).map { _ in step().nodes.pass(input) }), options: options)
    }

    // MARK: A large result of one call, passed to another

    func largeByHand() -> LargeByHand {
        LargeByHand.Configured(options).bind(
            producer: Producer.Configured(options).bind(),
            consumer: Consumer.Configured(options).bind()
        )
    }

    func large() -> GraphDriver<Int, Int> {
        let input = InputNode<Int>()
        let bytes = Producer.Configured(options).bind().nodes.bytes(input)
        return GraphDriver.bind(Consumer.Configured(options).bind().nodes.count(bytes), options: options)
    }
}
