import NIOCore
import Swerve

/// Each flow in two versions, with the same placement for every deployment.
struct Flows {
    let placement: DeploymentOptions.Placement

    private func options<Bound: Deployment>(_ bound: Bound) -> Bound {
        bound.options(maxOngoingRequests: 1000, placement: placement)
    }

    private func step() -> Step { options(Step.bind()) }

    // MARK: Three calls, one after another

    func chainByHand() -> ChainByHand {
        options(ChainByHand.bind(first: step(), second: step(), third: step()))
    }

    func chain() -> GraphDriver<Int, Int> {
        let input = InputNode<Int>()
        let node = step().nodes.pass(step().nodes.pass(step().nodes.pass(input)))
        return options(GraphDriver.bind(node))
    }

    // MARK: Eight calls at the same time

    func fanByHand() -> FanByHand {
        options(FanByHand.bind(steps: (0..<8).map { _ in step() }))
    }

    func fan() -> GraphDriver<Int, [Int]> {
        let input = InputNode<Int>()
        return options(GraphDriver.bind(.array((0..<8).map { _ in step().nodes.pass(input) })))
    }

    // MARK: A large result of one call, passed to another

    func largeByHand() -> LargeByHand {
        options(LargeByHand.bind(producer: options(Producer.bind()), consumer: options(Consumer.bind())))
    }

    func large() -> GraphDriver<Int, Int> {
        let input = InputNode<Int>()
        let bytes = options(Producer.bind()).nodes.bytes(input)
        return options(GraphDriver.bind(options(Consumer.bind()).nodes.count(bytes)))
    }
}
