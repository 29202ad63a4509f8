"""``tidegate demo``: the product on embedded defaults, with a market and traders that meet it."""
