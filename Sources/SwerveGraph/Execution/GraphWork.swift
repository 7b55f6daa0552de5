internal import NIOCore
internal import SwerveActors
internal import SwerveCore

/// How to compute a node, the same for all requests.
enum GraphStep: Sendable {
    /// Inputs, constants and fallbacks are not computed.
    case none
    case call(GraphCallStep)
    case made(any GraphMaker, of: [any AnyGraphType.Type])
    case choice(any GraphChooser, of: any AnyGraphType.Type)
}

/// A node that calls a deployment.
final class GraphCallStep: Sendable {
    private let system: ServeSystem
    private let deployment: ServeID
    private let method: String
    /// Whether a large result may stay where it is made, because the driver only passes it on.
    let mayKeep: Bool
    let meter: GraphMeter
    /// The node's position among the nodes that are measured.
    let row: Int

    init(_ system: ServeSystem, _ deployment: ServeID, _ method: String, mayKeep: Bool, _ meter: GraphMeter, row: Int) {
        self.system = system
        self.deployment = deployment
        self.method = method
        self.mayKeep = mayKeep
        self.meter = meter
        self.row = row
    }

    var now: NIODeadline { system.clock.now }

    func call(_ arguments: Arguments) async throws -> NamedResult {
        try await system.call(deployment, method: method, arguments: arguments, mayKeep: mayKeep)
    }

    func value(_ result: consuming NamedResult, since start: NIODeadline) -> GraphValue {
        switch consume result {
        case .value(let value):
            note(since: start, isFailure: false)
            return .value(value)
        case .encoded(let value):
            note(since: start, isFailure: false)
            return .encoded(value)
        case .kept(let result):
            note(since: start, isFailure: false, keptBytes: result.byteCount)
            return .kept(result)
        }
    }

    func note(since start: NIODeadline, isFailure: Bool, keptBytes: Int? = nil) {
        let elapsed = now - start
        meter.note(row, Int(elapsed.nanoseconds), isFailure: isFailure, keptBytes: keptBytes)
    }
}

/// A step with the values of one request.
enum GraphWork: Sendable {
    case call(GraphCallStep, Arguments)
    case made(any GraphMaker, of: [any AnyGraphType.Type], [GraphValue])
    case choice(any GraphChooser, of: any AnyGraphType.Type, GraphValue)

    /// The outcome of the work.
    enum Outcome: Sendable {
        case value(GraphValue)
        /// The branch that a choice takes: the position of its case.
        case branch(Int?)
        case failed(any Error)
        /// The request was cancelled, so it has no result and no node is at fault.
        case cancelled
    }

    func perform() async -> Outcome {
        do {
            switch self {
            case .call(let step, let arguments): return .value(try await Self.call(step, arguments))
            case .made(let maker, let types, let values):
                return .value(.value(try maker.make(zip(values, types).map { try $0.decoded(as: $1) })))
            case .choice(let chooser, let type, let value):
                return .branch(try chooser.position(of: value.decoded(as: type)))
            }
        } catch {
            return Task.isCancelled ? .cancelled : .failed(error)
        }
    }

    private static func call(_ step: GraphCallStep, _ arguments: Arguments) async throws -> GraphValue {
        let start = step.now
        // Results that other processes keep go with the last reference to them: not before the call is over.
        defer { withExtendedLifetime(arguments) {} }
        do {
            return step.value(try await step.call(arguments), since: start)
        } catch {
            if !Task.isCancelled { step.note(since: start, isFailure: true) }
            throw error
        }
    }
}

extension GraphProgram {
    /// The work for a ready node, with the values that it takes.
    func work(for node: Int, in run: inout GraphRun<GraphValue>) -> GraphWork {
        switch steps[node] {
        case .call(let step):
            let arguments = Arguments()
            run.takeInputs(of: node) { $0.append(to: arguments) }
            return .call(step, arguments)
        case .made(let maker, let types):
            var values: [GraphValue] = []
            run.takeInputs(of: node) { values.append($0) }
            return .made(maker, of: types, values)
        case .choice(let chooser, let type):
            var decider: GraphValue?
            run.takeInputs(of: node) { decider = $0 }
            guard let decider else { preconditionFailure("a choice has a node that decides") }
            return .choice(chooser, of: type, decider)
        case .none: preconditionFailure("inputs, constants and fallbacks never become ready")
        }
    }

    /// Reports a node's outcome to the run.
    func settle(_ outcome: consuming GraphWork.Outcome, _ node: Int, in run: inout GraphRun<GraphValue>) {
        switch consume outcome {
        case .value(let value): run.finished(node, value)
        case .failed(let error): run.failed(node, GraphNodeError(node: nodes[node].name, cause: error))
        case .branch(let position):
            guard !run.chose(node, position) else { break }
            let error = ServeError(.invalidArgument, "the value matches none of the cases: \(cases(of: node))")
            run.failed(node, GraphNodeError(node: nodes[node].name, cause: error))
        case .cancelled: run.end(with: CancellationError())
        }
    }

    private func cases(of node: Int) -> String {
        guard case .choice(let chooser, _) = steps[node] else { return "" }
        return chooser.labels.joined(separator: ", ")
    }
}
