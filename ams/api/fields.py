"""What the fields of bodies and answers mean, where their names alone don't say it.

    topic: Annotated[str, Meta(description="Where from.", examples=["demo"]), REQUIRED] = ""

The OpenAPI document is made of it. Nothing here changes what is accepted. The page at `/docs`
makes the example of a body of those fields that are required, or that have an example.
"""

from typing import Annotated, Final, TypeVar

from msgspec import Meta

#: A field of a body that has a default, so that the handler can say what is wrong without it.
REQUIRED: Final = Meta(extra_json_schema={"x-required": True})

#: A field of a body that the server sets.
READ_ONLY: Final = Meta(
    description="Set by the server: its type is checked, its value ignored.",
    extra_json_schema={"readOnly": True},
)
ServerText = Annotated[str, READ_ONLY]

_T = TypeVar("_T")
#: A field of a body that is there because clients send whole objects.
Ignored = Annotated[_T, Meta(description="Its type is checked, its value ignored.")]

Time = Annotated[str, Meta(description="In UTC.", examples=["2026-01-02T03:04:05Z"])]
TopicName = Annotated[
    str, Meta(description="The topic's full name.", examples=["/projects/demo/topics/demo-topic"])
]
SubscriptionName = Annotated[
    str,
    Meta(
        description="The subscription's full name.",
        examples=["/projects/demo/subscriptions/demo-sub"],
    ),
]
NextPageToken = Annotated[
    str, Meta(description="`pageToken` of the next page; empty after the last one.", examples=[""])
]
TotalSize = Annotated[int, Meta(description="Items on all pages.", examples=[1])]
Data = Annotated[str, Meta(description="The content, in Base64.", examples=["SGVsbG8sIHdvcmxk"])]
Attributes = Annotated[
    dict[str, str],
    Meta(description="Texts of the publisher's choice.", examples=[{"source": "docs"}]),
]
MessageId = Annotated[str, Meta(description="Its offset in the topic, a number.", examples=["41"])]
AckId = Annotated[
    str,
    Meta(
        description="What acknowledges the message, and all before it.",
        examples=["projects/demo/subscriptions/demo-sub:41"],
    ),
]
AckDeadline = Annotated[
    int,
    Meta(description="Seconds, 0 to 600, from a pull to its acknowledgement.", examples=[10]),
]
RetentionDuration = Annotated[
    str,
    Meta(
        description="How long messages are kept, in seconds; `0s` is without limit.",
        examples=["604800s"],
    ),
]
RetentionBytes = Annotated[
    str, Meta(description="How many bytes of messages are kept; `0` is without limit.")
]
Roles = Annotated[list[str], Meta(examples=[["publisher", "consumer"]])]
Token = Annotated[str, Meta(description="A secret: who has it, is this user.")]
