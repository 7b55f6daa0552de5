internal import SwerveActors
internal import SwerveCore

/// Encodes each node as a row of name, type and operation. Types are encoded as their mangled names.
extension GraphPlan: Codable {
    private enum Kind: UInt8, Codable { case input, constant, call, made, choice, fallback }

    package func encode(to encoder: any Encoder) throws {
        var rows = encoder.unkeyedContainer()
        for node in nodes {
            var row = rows.nestedUnkeyedContainer()
            try row.encode(node.name)
            try row.encode(TypeNames.name(of: node.type))
            try encode(node, to: &row, staysInProcess: (encoder as? BinaryWriter)?.staysInProcess ?? false)
        }
    }

    private func encode(
        _ node: Node,
        to row: inout any UnkeyedEncodingContainer,
        staysInProcess: Bool
    ) throws {
        switch node.operation {
        case .input: try row.encode(Kind.input)
        case .constant(let value):
            try row.encode(Kind.constant)
            try row.encode(value)
        case .call(let deployment, let method, let sources):
            try row.encode(Kind.call)
            try row.encode(deployment)
            try row.encode(method)
            try row.encode(sources)
        case .made(let maker, let sources):
            if let reason = maker.localOnly, !staysInProcess {
                throw ServeError(.invalidGraph, "a graph cannot be sent to its driver's process: \(reason)")
            }
            try row.encode(Kind.made)
            try row.encode(TypeNames.name(of: type(of: maker)))
            try row.encode(maker)
            try row.encode(sources)
        case .choice(let chooser, let value, let cases, let otherwise):
            try row.encode(Kind.choice)
            try row.encode(TypeNames.name(of: type(of: chooser)))
            try row.encode(chooser)
            try row.encode(value)
            try row.encode(cases)
            try row.encode(otherwise)
        case .fallback(let first, let second):
            try row.encode(Kind.fallback)
            try row.encode(first)
            try row.encode(second)
        }
    }

    package init(from decoder: any Decoder) throws {
        var rows = try decoder.unkeyedContainer()
        var nodes: [Node] = []
        while !rows.isAtEnd {
            var row = try rows.nestedUnkeyedContainer()
            let name = try row.decode(String.self)
            let typeName = try row.decode(String.self)
            guard let type = TypeNames.find(typeName) as? any AnyGraphType.Type else {
                throw TypeNames.unknown(typeName)
            }
            let operation = try Self.operation(from: &row, type)
            // Cycles cannot be written, so they must not be decoded either.
            guard operation.sources.allSatisfy((0..<nodes.count).contains), nodes.count < Self.maximumNodes else {
                throw ServeError(
                    .invalidGraph,
                    "the node '\(name)' is made from nodes that do not come before it, or comes after too many others"
                )
            }
            nodes.append(Node(name: name, type: type, operation: operation))
        }
        guard !nodes.isEmpty else { throw ServeError(.invalidGraph, "the graph has no nodes") }
        self.init(nodes: nodes)
    }

    private static func operation(
        from row: inout any UnkeyedDecodingContainer,
        _ type: any AnyGraphType.Type
    ) throws -> Operation {
        switch try row.decode(Kind.self) {
        case .input: return .input
        case .constant: return .constant(try type.decode(from: &row))
        case .call:
            return .call(try row.decode(ServeID.self), method: try row.decode(String.self), try row.decode([Int].self))
        case .made:
            let name = try row.decode(String.self)
            guard let type = TypeNames.find(name) as? any GraphMaker.Type else { throw TypeNames.unknown(name) }
            return .made(try row.decode(type), try row.decode([Int].self))
        case .choice:
            let name = try row.decode(String.self)
            guard let type = TypeNames.find(name) as? any GraphChooser.Type else { throw TypeNames.unknown(name) }
            let chooser = try row.decode(type)
            let value = try row.decode(Int.self)
            let cases = try row.decode([Int].self)
            guard cases.count == chooser.labels.count else {
                throw ServeError(.invalidGraph, "\(cases.count) branches for \(chooser.labels.count) cases")
            }
            return .choice(chooser, of: value, cases, otherwise: try row.decode(Int?.self))
        case .fallback: return .fallback(try row.decode(Int.self), try row.decode(Int.self))
        }
    }
}

/// Looks up types by names that all processes of one executable share.
enum TypeNames {
    static func name(of type: any Any.Type) throws(ServeError) -> String {
        guard let name = _mangledTypeName(type), _typeByName(name) != nil else {
            throw ServeError(
                .invalidGraph,
                "\(type) cannot be found by name in another process; the types of a graph must not be private, fileprivate "
                    + "or declared in a function"
            )
        }
        return name
    }

    static func find(_ name: String) -> (any Any.Type)? { _typeByName(name) }

    static func unknown(_ name: String) -> ServeError {
        ServeError(.invalidGraph, "no type is named '\(name)' in this executable")
    }
}
