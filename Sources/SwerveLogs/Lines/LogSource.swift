package import SwerveCore

/// Which process of an instance wrote something.
package struct LogSource: Hashable, Sendable, Comparable, CustomStringConvertible {
    package enum Kind: String, Hashable, Sendable, CaseIterable { case instance, controller, proxy, replica }

    package let kind: Kind
    /// `nil` for a process that is no replica's.
    package let replica: ReplicaID?
    /// Which of its kind it is.
    package let number: UInt64

    private init(_ kind: Kind, _ replica: ReplicaID?, _ number: UInt64) {
        self.kind = kind
        self.replica = replica
        self.number = number
    }

    package static let instance = LogSource(.instance, nil, 0)
    package static func controller(_ number: UInt64) -> LogSource { LogSource(.controller, nil, number) }
    package static func proxy(_ number: UInt64) -> LogSource { LogSource(.proxy, nil, number) }
    package static func replica(_ id: ReplicaID) -> LogSource { LogSource(.replica, id, id.number) }

    /// What people call it: `default/Detector#1`, `proxy#2`, `controller#1` or `instance`.
    package var description: String {
        if let replica { return replica.description }
        return kind == .instance ? kind.rawValue : "\(kind.rawValue)#\(number)"
    }

    /// The name of its files, without the end. No two processes of an instance have the same one.
    package var fileStem: String {
        guard let replica else { return "\(kind.rawValue)-\(number)" }
        let name = "\(replica.deployment.application)-\(replica.deployment.deployment)"
        let safe = name.utf8.map { byte -> Character in
            let character = Character(UnicodeScalar(byte))
            let isSafe = character.isASCII && (character.isLetter || character.isNumber || "_-".contains(character))
            return isSafe ? character : "_"
        }
        return "\(kind.rawValue)-\(number)-" + String(safe.prefix(Self.longestName))
    }

    /// The longest part of a file's name that comes from names of users: 150 characters.
    private static let longestName = 150

    /// The instance first, then controllers, proxies and replicas.
    package static func < (left: LogSource, right: LogSource) -> Bool {
        if left.kind != right.kind { return left.kind.order < right.kind.order }
        if let first = left.replica, let second = right.replica { return first < second }
        return left.number < right.number
    }
}

extension LogSource.Kind {
    fileprivate var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
