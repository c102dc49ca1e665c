"""Ask a model behind an OpenAI-compatible endpoint, so that no failure looks like an answer."""

from tunesmith.evaluation.endpoint.answers import generate
from tunesmith.evaluation.endpoint.batches import Unanswered
from tunesmith.evaluation.endpoint.client import Client, Refused, Reply
from tunesmith.evaluation.endpoint.files import load_endpoint
from tunesmith.evaluation.endpoint.params import EndpointParams, Prices, Retries, key_from
from tunesmith.evaluation.endpoint.retrying import Clock

__all__ = [
    "Client",
    "Clock",
    "EndpointParams",
    "Prices",
    "Refused",
    "Reply",
    "Retries",
    "Unanswered",
    "generate",
    "key_from",
    "load_endpoint",
]
