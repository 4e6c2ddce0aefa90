def page(world, request): raise NotImplementedError
