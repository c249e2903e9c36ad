"""The device on which models run, where a user names none."""


def best_device() -> str:
    """ "cuda" where there is one, else "cpu".

    An Apple GPU ("mps") is used only where it is asked for: no test of ours has run on one.
    """
    import torch  # here, so that the doctor can say that torch is broken

    return "cuda" if torch.cuda.is_available() else "cpu"
