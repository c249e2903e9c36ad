"""What turns text into a number: tokens, packing, reward models, features, policies, judges."""
