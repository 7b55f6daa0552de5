"""The fruit market of the operator's sample."""

from ray import serve


class Stand:
    def __init__(self, usual_price):
        self.usual_price = self.price = usual_price

    def reconfigure(self, config):
        self.price = config.get("price", self.usual_price)

    def check_price(self, amount):
        return self.price * amount


@serve.deployment(num_replicas=2)
class FruitMarket:
    def __init__(self, mango, orange, pear):
        self.stands = {"MANGO": mango, "ORANGE": orange, "PEAR": pear}

    async def __call__(self, request):
        fruit, amount = await request.json()
        return await self.stands[fruit].check_price.remote(amount) if fruit in self.stands else -1


def stand(name, usual_price, price):
    return serve.deployment(Stand, name=name, user_config={"price": price}).bind(usual_price)


deployment_graph = FruitMarket.bind(
    stand("MangoStand", 1, price=3), stand("OrangeStand", 0.5, price=2), stand("PearStand", 0.75, price=4)
)
