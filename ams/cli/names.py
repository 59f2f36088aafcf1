"""Arguments that name a topic or a subscription."""

from typing import Annotated

import typer

TopicName = Annotated[
    str, typer.Argument(metavar="TOPIC", help="Name of the topic.", show_default=False)
]
SubscriptionName = Annotated[
    str,
    typer.Argument(metavar="SUBSCRIPTION", help="Name of the subscription.", show_default=False),
]
