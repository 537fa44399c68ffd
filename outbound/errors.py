"""The two ways an attempt to deliver can fail before any reply to a mail: for now, or for good."""

from outbound.reply import Reply


class Deferred(Exception):
    """For now: no connection, no answer from the DNS, a greeting that says later. ``reply`` tells the
    record.
    """

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.stage} {reply.code} {reply.text}")
        self.reply = reply


class Rejected(Exception):
    """For good: the domain takes no mail (null MX, RFC 7505) or does not exist, or the address cannot be
    sent.
    """

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.stage} {reply.code} {reply.text}")
        self.reply = reply
