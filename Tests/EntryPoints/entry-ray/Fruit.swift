import Swerve

/// A market that asks its stands for prices.
struct Fruit: ServeApplication {
    static let name = "fruit.deployment_graph"

    func application() -> FruitMarket {
        FruitMarket.bind(
            mango: Stand.options(name: "MangoStand").bind(usualPrice: 1).userConfig(.init(price: 3)),
            orange: Stand.options(name: "OrangeStand").bind(usualPrice: 0.5).userConfig(.init(price: 2)),
            pear: Stand.options(name: "PearStand").bind(usualPrice: 0.75).userConfig(.init(price: 4))
        )
    }
}

@Deployment(numReplicas: 2)
distributed actor FruitMarket: HTTPIngress {
    private let stands: [String: Stand]

    init(mango: Stand, orange: Stand, pear: Stand) {
        stands = ["MANGO": mango, "ORANGE": orange, "PEAR": pear]
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        let order = try await request.decodeJSON(Order<Double>.self)
        guard let stand = stands[order.name] else { return try .json(-1) }
        return try .json(try await stand.price(of: order.amount))
    }
}

@Deployment
distributed actor Stand: Reconfigurable {
    struct UserConfig: Codable, Sendable {
        var price: Double?
    }
    private let usualPrice: Double
    private var price: Double

    init(usualPrice: Double) {
        self.usualPrice = usualPrice
        self.price = usualPrice
    }

    func reconfigure(_ config: UserConfig) { price = config.price ?? usualPrice }

    distributed func price(of amount: Double) -> Double { price * amount }
}

/// A name and a number, as the requests have them: `["MANGO", 2]`.
struct Order<Amount: Decodable>: Decodable {
    let name: String
    let amount: Amount

    init(from decoder: any Decoder) throws {
        var elements = try decoder.unkeyedContainer()
        name = try elements.decode(String.self)
        amount = try elements.decode(Amount.self)
    }
}
