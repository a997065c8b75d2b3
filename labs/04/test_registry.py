"""The checks of lab 04: names, challenges and tokens, redirects, tags, manifests, blobs, pull."""

import hashlib
import json
import threading
import unittest.mock
import urllib.parse

import requests

from minicontainer.lib import locks
from minicontainer.lib.http import raise_for_status
from minicontainer.lib.http_errors import BadAnswer, LoginNeeded, RegistryError
from minicontainer.lib.session import Session
from minicontainer.errors import DigestMismatch, ImageError, SizeMismatch
from minicontainer.cli.gc import prune
from minicontainer.step03_image.layout import create_layout
from minicontainer.step03_image.manifest import NoMatchingPlatform, host_platform
from minicontainer.step04_registry.challenge import BadChallenge, Challenge, parse_challenge
from minicontainer.step04_registry.client import (
    MOST_PAGES,
    Registry,
    get_blob,
    get_manifest,
    list_tags,
    send_with_token,
)
from minicontainer.step04_registry.pull import pull
from minicontainer.step04_registry.redirects import follow_redirects
from minicontainer.step04_registry.reference import BadReference, Reference, parse_reference
from minicontainer.step04_registry.token import Credentials, Token, fetch_token, token_address
from minicontainer.workshop.grading.checks import Raised, Raises, check, expect, outcome
from minicontainer.workshop.samples.small_images import (
    CONFIG,
    INDEX,
    LAYER_GZIP,
    MANIFEST,
    Sample,
    file,
    sha256,
    tar,
)
from registries import HOME, HOST, Answer, Wire

REPOSITORY = "team/app"


def status_of(found):
    """A response by its status; anything else as it is."""
    return getattr(found, "status_code", found)


class Direct(Registry):
    """The registry at the other end of `wire`; it calls none of the functions that learners write.

    It redirects nobody and wants no token.
    `known` is the token that was good last time, `fresh` what `renew` gives.
    """

    def __init__(self, wire, known="", fresh="Bearer fresh"):
        super().__init__(HOST, session=wire.session)
        self.wire, self.fresh, self.send = wire, fresh, self._send
        self.renewed = []
        if known:
            self._authorization = {"team/app": known}

    def get(self, path, repository, headers=None, method="GET"):
        response = self._send(method, urllib.parse.urljoin(HOME, path), headers or {})
        raise_for_status(response)
        return response

    def _send(self, method, url, headers):
        request = requests.Request(method, url, dict(headers)).prepare()
        return self.session.send(request, stream=True, allow_redirects=False, proxies={})

    def renew(self, repository, challenge, used):
        self.renewed.append((challenge, used))
        self._authorization[repository] = self.fresh
        return {"Authorization": self.fresh}


# ---------------------------------------------------------------- parse_reference

NAMES = (
    'distribution, reference/normalize.go, and distribution-spec, spec.md, "Pulling manifests":'
    " a name is [registry/]repository[:tag][@digest]; what is left out is docker.io, library/"
    " and latest"
)
DIGEST = "sha256:" + "7" * 64


def parts(text):
    """The four parts of a name as a plain tuple, or what was raised."""
    found = outcome(parse_reference, text)
    return tuple(found) if isinstance(found, Reference) else found


def expect_parts(text, expected, mistakes=None):
    """`expected` and the values of `mistakes` are registry, repository, tag, digest."""
    found = parts(text)
    keys = {key: found == value for key, value in (mistakes or {}).items()}
    story = f"parse_reference({text!r})"
    expect(found, expected, story=story, mistakes=keys)


@check("parse_reference", points=2, rule=NAMES)
def test_short_names():
    """one word is an image of docker.io/library, two words are somebody's on docker.io"""
    hub = "docker.io"
    mistakes = {"library-forgotten": (hub, "nginx", "latest", None)}
    expect_parts("nginx", (hub, "library/nginx", "latest", None), mistakes)
    expect_parts("nginx:1.27", (hub, "library/nginx", "1.27", None))
    mistakes = {
        "user-taken-for-host": ("ann", "web", "latest", None),
        "library-everywhere": (hub, "library/ann/web", "latest", None),
    }
    expect_parts("ann/web", (hub, "ann/web", "latest", None), mistakes)


@check("parse_reference", points=2, rule=NAMES)
def test_registries():
    """a host before the first slash is the registry, with its port"""
    host = "registry:5000"
    found = parts(f"{host}/app")
    mistakes = {
        "port-read-as-tag": "'5000/app'" in str(found),
        "library-everywhere": found == (host, "library/app", "latest", None),
    }
    expected = (host, "app", "latest", None)
    expect(found, expected, story=f"parse_reference('{host}/app')", mistakes=mistakes)
    expect_parts(f"{host}/team/app:1.0", (host, "team/app", "1.0", None))
    mistakes = {"library-everywhere": ("quay.io", "library/app", "latest", None)}
    expect_parts("quay.io/app", ("quay.io", "app", "latest", None), mistakes)
    mistakes = {"localhost-forgotten": ("docker.io", "localhost/app", "latest", None)}
    expect_parts("localhost/app", ("localhost", "app", "latest", None), mistakes)
    found = parts("Registry/app")
    mistakes = {"capital-host-forgotten": "docker.io" in str(found) or isinstance(found, Raised)}
    expected = ("Registry", "app", "latest", None)
    expect(found, expected, story="parse_reference('Registry/app')", mistakes=mistakes)


@check("parse_reference", points=1, rule=NAMES)
def test_docker_io_by_its_names():
    """docker.io may be written out, and has a second name"""
    for host in ("docker.io", "index.docker.io"):
        mistakes = {
            "library-only-for-short-names": ("docker.io", "nginx", "latest", None),
            "second-name-kept": (host, "library/nginx", "latest", None),
        }
        expect_parts(f"{host}/nginx", ("docker.io", "library/nginx", "latest", None), mistakes)
    expect_parts("docker.io/ann/web:2", ("docker.io", "ann/web", "2", None))


@check("parse_reference", points=2, rule=NAMES)
def test_digests():
    """a digest stands behind @, and then no tag is added"""
    for text, host, name in (
        (f"quay.io/app@{DIGEST}", "quay.io", "app"),
        (f"nginx@{DIGEST}", "docker.io", "library/nginx"),
    ):
        found = parts(text)
        mistakes = {
            "latest-beside-digest": found == (host, name, "latest", DIGEST),
            "digest-cut-at-colon": "@sha256'" in str(found),
        }
        story = f"parse_reference({text!r})"
        expect(found, (host, name, None, DIGEST), story=story, mistakes=mistakes)
    expect_parts(f"host:80/app:1.0@{DIGEST}", ("host:80", "app", "1.0", DIGEST))


@check("parse_reference", points=1, rule=NAMES)
def test_bad_names():
    """what is no name raises BadReference"""
    bad = ("", "quay.io/App", "https://quay.io/app", "app:-x", "app@sha256:12", "quay.io/a//b")
    for text in bad:
        found = parts(text)
        mistakes = {"name-unchecked": isinstance(found, tuple)}
        expect(found, Raises(BadReference), story=f"parse_reference({text!r})", mistakes=mistakes)
    found = parts("app:")
    mistakes = {"empty-tag-forgiven": isinstance(found, tuple)}
    expect(found, Raises(BadReference), story="parse_reference('app:')", mistakes=mistakes)


# ---------------------------------------------------------------- parse_challenge

CHALLENGES = (
    "RFC 9110, sections 5.6.4 and 11.6.1: a list of challenges, each a scheme with parameters;"
    " commas separate both, but not inside of quotes; schemes and names of parameters know no"
    " capital letters"
)


def challenges(header):
    """The challenges as plain tuples, or what was raised."""
    found = outcome(parse_challenge, header)
    if not isinstance(found, list) or not all(isinstance(one, Challenge) for one in found):
        return found
    return [tuple(one) for one in found]


def values_of(found):
    """All values of parameters that were found."""
    return [v for _, p in pairs_of(found) for v in p.values()]


def pairs_of(found):
    """The schemes with their parameters, if these were found at all."""
    sound = isinstance(found, list) and all(isinstance(one, tuple) for one in found)
    return found if sound else []


def header_was(header):
    return f"parse_challenge({header!r})"


@check("parse_challenge", points=1, rule=CHALLENGES)
def test_one_challenge():
    """a scheme and its parameters come out, without quotes"""
    header = 'Bearer realm="https://auth.example/token",service=reg'
    expected = [("bearer", {"realm": "https://auth.example/token", "service": "reg"})]
    found = challenges(header)
    mistakes = {
        "quotes-kept": lambda: any('"' in str(value) for value in values_of(found)),
        "capital-letters-kept": lambda: [one for one, _ in pairs_of(found)] == ["Bearer"],
    }
    expect(found, expected, story=header_was(header), mistakes=mistakes)


@check("parse_challenge", points=2, rule=CHALLENGES)
def test_commas_in_quotes():
    """a comma inside of quotes separates nothing"""
    header = 'Bearer realm="https://a.example/t", scope="repository:app:pull,push", error="a=b, c"'
    parameters = {
        "realm": "https://a.example/t",
        "scope": "repository:app:pull,push",
        "error": "a=b, c",
    }
    found = challenges(header)
    torn = bool(pairs_of(found)) and "repository:app:pull,push" not in values_of(found)
    mistakes = {"split-at-commas": torn or found == Raises((ValueError, IndexError, BadChallenge))}
    expect(found, [("bearer", parameters)], story=header_was(header), mistakes=mistakes)


@check("parse_challenge", points=2, rule=CHALLENGES)
def test_several_challenges():
    """a header may hold several challenges, in the registry's order"""
    header = 'Negotiate, Basic realm="reg", Bearer realm="https://a.example/t",service="reg"'
    bearer = {"realm": "https://a.example/t", "service": "reg"}
    expected = [("negotiate", {}), ("basic", {"realm": "reg"}), ("bearer", bearer)]
    found = challenges(header)
    several = isinstance(found, list)
    mistakes = {
        "one-challenge-only": several and len(found) == 1,
        "order-lost": several
        and len(found) == 3
        and sorted(map(str, found)) == sorted(map(str, expected)),
        "parameters-in-wrong-challenge": several and len(found) == 3,
    }
    expect(found, expected, story=header_was(header), mistakes=mistakes)


@check("parse_challenge", points=1, rule=CHALLENGES)
def test_capital_letters():
    """schemes and names are given in lower case, values as they are"""
    header = 'BEARER Realm = "https://A.example/T" , SERVICE="Reg"'
    expected = [("bearer", {"realm": "https://A.example/T", "service": "Reg"})]
    found = challenges(header)
    mistakes = {
        "values-changed": lambda: "reg" in values_of(found),
        "capital-letters-kept": lambda: any(
            {"Realm", "SERVICE"} & {*p} for _, p in pairs_of(found)
        ),
    }
    expect(found, expected, story=header_was(header), mistakes=mistakes)
    found = challenges("Basic REALM=Reg")
    mistakes = {"capital-letters-kept": lambda: "REALM" in pairs_of(found)[0][1]}
    expect(found, [("basic", {"realm": "Reg"})], story=header_was("Basic REALM=Reg"), mistakes=mistakes)


@check("parse_challenge", points=1, rule=CHALLENGES)
def test_quotes_in_quotes():
    """in quotes a backslash stands for the character behind it; a value may be empty"""
    header = r'Basic realm="the \"new\" one"'
    found = challenges(header)
    mistakes = {"backslash-kept": lambda: any("\\" in str(value) for value in values_of(found))}
    expected = [("basic", {"realm": 'the "new" one'})]
    expect(found, expected, story=header_was(header), mistakes=mistakes)
    header = r'Basic realm="C:\\new, \a"'
    found = challenges(header)
    mistakes = {"only-quotes-unescaped": lambda: values_of(found) != []}
    expect(found, [("basic", {"realm": r"C:\new, a"})], story=header_was(header), mistakes=mistakes)
    header = 'Basic realm="two\\\nlines"'
    found = challenges(header)
    mistakes = {"line-end-forgotten": lambda: values_of(found) == ["two\\\nlines"]}
    expect(found, [("basic", {"realm": "two\nlines"})], story=header_was(header), mistakes=mistakes)
    header = 'Basic realm=""'
    found = challenges(header)
    mistakes = {"empty-value-lost": found == Raises(TypeError) or bool(pairs_of(found))}
    expect(found, [("basic", {"realm": ""})], story=header_was(header), mistakes=mistakes)


@check("parse_challenge", points=1, rule=CHALLENGES)
def test_token68():
    """a piece of base64 behind a scheme is its parameter token68"""
    header = "Negotiate abc==, Basic realm=x"
    expected = [("negotiate", {"token68": "abc=="}), ("basic", {"realm": "x"})]
    found = challenges(header)
    forgotten = [("negotiate", {}), ("basic", {"realm": "x"})]
    mistakes = {"token68-forgotten": found == forgotten}
    expect(found, expected, story=header_was(header), mistakes=mistakes)


@check("parse_challenge", points=1, rule=CHALLENGES)
def test_bad_headers():
    """what is no challenge raises BadChallenge"""
    for header in ('realm="x"', 'Bearer realm="open', 'Bearer realm="x" "y"'):
        found = outcome(parse_challenge, header)
        accident = found == Raises((IndexError, AttributeError, TypeError, UnboundLocalError))
        mistakes = {
            "nonsense-accepted": isinstance(found, list),
            "header-taken-on-trust": accident,
        }
        expect(found, Raises(BadChallenge), story=header_was(header), mistakes=mistakes)


# ---------------------------------------------------------------- token_address

ASKING = (
    'distribution, docs/spec/auth/token.md, "Requesting a Token": GET the realm with the query'
    " parameters service (from the challenge) and scope"
)
REALM = "https://auth.example/token"
PULL = f"repository:{REPOSITORY}:pull"


def bearer(**parameters):
    return Challenge("bearer", {"realm": REALM, "service": HOST, **parameters})


def address(challenge):
    """The address in parts: up to the query, then the query's."""
    found = outcome(token_address, challenge, PULL)
    if not isinstance(found, str):
        return found
    place, _, query = found.partition("?")
    return place, sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))


@check("token_address", points=2, rule=ASKING)
def test_address_of_token_service():
    """realm, service and our own scope make the address"""
    wider = f"repository:{REPOSITORY}:pull,push"
    found = address(bearer(scope=wider))
    query = dict(found[1]) if isinstance(found, tuple) else {}
    mistakes = {
        "scope-of-the-challenge": wider in query.values(),
        "scope-forgotten": query == {"service": HOST},
        "realm-in-query": "realm" in query,
    }
    expected = (REALM, [("scope", PULL), ("service", HOST)])
    story = f"the realm is {REALM}, the service {HOST}, the scope that we want {PULL}"
    expect(found, expected, story=story, mistakes=mistakes)


@check("token_address", points=1, rule=ASKING)
def test_address_is_encoded():
    """what has a meaning of its own in an address is encoded"""
    found = address(bearer(service="reg & friends #1"))
    expected = (REALM, [("scope", PULL), ("service", "reg & friends #1")])
    mistakes = {"query-not-encoded": isinstance(found, tuple)}
    expect(found, expected, story="the service is called reg & friends #1", mistakes=mistakes)


@check("token_address", points=1, rule=ASKING)
def test_realm_with_a_query():
    """a realm may have a query already, and a challenge may name no service"""
    realm = f"{REALM}?account=7&offline="
    found = address(Challenge("bearer", {"realm": realm, "service": HOST}))
    expected = (REALM, [("account", "7"), ("offline", ""), ("scope", PULL), ("service", HOST)])
    mistakes = {
        "empty-member-lost": found == (REALM, [expected[1][0], *expected[1][2:]]),
        "second-question-mark": isinstance(found, tuple) and "?" in str(found[1]),
        "realms-query-lost": found == (REALM, expected[1][2:]),
    }
    expect(found, expected, story=f"the realm is {realm}", mistakes=mistakes)
    found = address(Challenge("bearer", {"realm": REALM}))
    mistakes = {"service-required": found == Raises(KeyError) or "None" in str(found)}
    story = "the challenge names no service"
    expect(found, (REALM, [("scope", PULL)]), story=story, mistakes=mistakes)


@check("token_address", points=1, rule=ASKING)
def test_no_realm():
    """a challenge that does not say where raises BadAnswer"""
    for challenge in (
        Challenge("bearer", {"service": HOST}),
        Challenge("basic", {"realm": "reg"}),
        Challenge("bearer", {"realm": "file:///etc/passwd"}),
    ):
        found = address(challenge)
        mistakes = {"realm-unchecked": not isinstance(found, Raised) or found == Raises(KeyError)}
        expect(found, Raises(BadAnswer), story=f"the challenge was {challenge}", mistakes=mistakes)


# ---------------------------------------------------------------- fetch_token

TOKENS = (
    'distribution, docs/spec/auth/token.md, "Token Response Fields": the token stands in token,'
    " or in access_token for those who know OAuth 2.0; where expires_in is missing it holds for"
    " 60 seconds"
)


def fetched(document, credentials=None, status=200, challenge=None):
    """The token that came of the service's answer, as a plain tuple, and the wire."""
    wire = Wire(lambda asked: Answer(status, document))
    found = outcome(fetch_token, wire.session, challenge or bearer(), REPOSITORY, credentials)
    return (tuple(found) if isinstance(found, Token) else found), wire


@check("fetch_token", points=1, rule=TOKENS)
def test_token_for_everybody():
    """without credentials, the service is asked for a token to pull, and nothing more"""
    challenge = bearer(scope=f"repository:{REPOSITORY}:pull,push")
    found, wire = fetched({"token": "t0", "expires_in": 300}, challenge=challenge)
    mistakes = {"nobody-asked": found == Raises(LoginNeeded) and not wire.asked}
    story = 'the service answered {"token": "t0", "expires_in": 300}'
    expect(found, ("t0", 300), story=story, mistakes=mistakes)
    scope = wire.asked[0].query.get("scope") if wire.asked else "nobody was asked"
    mistakes = {"scope-taken-over": scope == f"repository:{REPOSITORY}:pull,push"}
    story = "the scope that the service was asked for"
    expect(scope, PULL, story=story, mistakes=mistakes)


@check("fetch_token", points=2, rule=TOKENS)
def test_access_token():
    """the token may be called access_token"""
    found, _ = fetched({"access_token": "t1", "expires_in": 300})
    mistakes = {
        "access-token-ignored": found == Raises((BadAnswer, KeyError)) or found == (None, 300)
    }
    story = 'the service answered {"access_token": "t1", "expires_in": 300}'
    expect(found, ("t1", 300), story=story, mistakes=mistakes)
    found, _ = fetched({"token": "", "access_token": "t2", "expires_in": 300})
    mistakes = {"empty-token-taken": found == Raises(BadAnswer) or found == ("", 300)}
    story = 'the service answered {"token": "", "access_token": "t2", "expires_in": 300}'
    expect(found, ("t2", 300), story=story, mistakes=mistakes)


@check("fetch_token", points=1, rule=TOKENS)
def test_lifetime():
    """a token with no expires_in is good for 60 seconds"""
    found, _ = fetched({"token": "t0"})
    mistakes = {
        "lifetime-required": found == Raises((KeyError, TypeError)) or found == ("t0", None)
    }
    expect(found, ("t0", 60), story='the service answered {"token": "t0"}', mistakes=mistakes)


@check("fetch_token", points=1, rule=TOKENS)
def test_no_token():
    """an answer with no token is an error, and so is a no"""
    for document in ({"expires_in": 300}, {"token": None}, {"token": 7}, {"token": "a\r\nb: c"}):
        found, _ = fetched(document)
        mistakes = {"token-unchecked": isinstance(found, tuple) or found == Raises(KeyError)}
        story = f"the service answered {json.dumps(document)}"
        expect(found, Raises(BadAnswer), story=story, mistakes=mistakes)
    found, _ = fetched({"token": "t0"}, status=401)
    mistakes = {"service-status-ignored": isinstance(found, tuple)}
    expect(found, Raises(LoginNeeded), story="the service answered 401", mistakes=mistakes)


@check("fetch_token", points=1, rule=TOKENS)
def test_login_is_shown():
    """a login is shown to the token service"""
    found, wire = fetched({"token": "t0"}, Credentials("ann", "pw"))
    shown = wire.asked[0].authorization if wire.asked else "nobody was asked"
    mistakes = {"login-left-out": shown is None}
    story = "the credentials were ann, pw: the Authorization header that the service saw"
    expect(shown, "Basic YW5uOnB3", story=story, mistakes=mistakes)


# ---------------------------------------------------------------- send_with_token

STEPS = (
    "distribution, docs/spec/auth/token.md, steps 1 to 6: ask; on a 401 get a token as its"
    " challenge says; ask again with the token"
)
URL = f"{HOME}/v2/{REPOSITORY}/manifests/latest"
ASK_THERE = 'Bearer realm="https://auth.example/token"'
HEADERS = {"Accept": "application/json"}


def guarded(good, most=20):
    """A registry that wants to see the Authorization `good`; none is good if it is None."""

    def answer(asked):
        if good is not None and asked.authorization == good:
            return Answer(200, b"ok")
        return Answer(401, b"no", WWW_Authenticate=ASK_THERE)

    return Wire(answer, most)


def sent(registry, method="GET"):
    return outcome(send_with_token, registry, method, URL, REPOSITORY, HEADERS)


@check("send_with_token", points=2, rule=STEPS)
def test_challenge_is_answered():
    """after a 401 a token is fetched, and the same request is sent with it"""
    registry = Direct(guarded("Bearer fresh"))
    found = sent(registry, "HEAD")
    seen = [asked.authorization for asked in registry.wire.asked]
    mistakes = {"refusal-given-back": status_of(found) == 401 and len(seen) == 1}
    story = "the registry answered 401 to the first request, and wants the token “fresh”"
    expect(status_of(found), 200, story=story, mistakes=mistakes)
    expect(seen, [None, "Bearer fresh"], story="the Authorization headers that the registry saw")
    expect(registry.renewed, [(ASK_THERE, {})], story="what registry.renew was asked for")
    closed = [answer.closed for answer in registry.wire.given]
    mistakes = {"refusal-not-dropped": closed == [False, False]}
    story = "the answers that were dropped: the refusal, and not the one that is given back"
    expect(closed, [True, False], story=story, mistakes=mistakes)
    for number, asked in zip(("first", "second"), registry.wire.asked, strict=True):
        mistakes = {"headers-lost": asked.headers.get("accept") != HEADERS["Accept"]}
        accept = (asked.method, asked.headers.get("accept"))
        story = f"the {number} request's method and Accept header"
        expect(accept, ("HEAD", HEADERS["Accept"]), story=story, mistakes=mistakes)


@check("send_with_token", points=2, rule=STEPS)
def test_refused_again():
    """a registry that refuses a new token is not asked a third time"""
    registry = Direct(guarded(None))
    found = sent(registry)
    times = len(registry.wire.asked)
    mistakes = {"endless-401": times > 3}
    expect(
        times,
        2,
        story="how often a registry was asked that answers 401 each time",
        mistakes=mistakes,
    )
    mistakes = {"second-401-raised": isinstance(found, Raised)}
    expect(status_of(found), 401, story="the answer that is given back", mistakes=mistakes)


@check("send_with_token", points=1, rule=STEPS)
def test_known_token():
    """the token of last time is shown first; when it is too old, a new one is fetched"""
    registry = Direct(guarded("Bearer known"), known="Bearer known")
    found = sent(registry)
    seen = [asked.authorization for asked in registry.wire.asked]
    mistakes = {"known-token-not-shown": seen[:1] == [None]}
    story = "a token is known from last time, and good: the Authorization headers that were sent"
    expect(seen, ["Bearer known"], story=story, mistakes=mistakes)
    expect(registry.renewed, [], story="the known token was good; renewals")
    registry = Direct(guarded("Bearer fresh"), known="Bearer old")
    found = sent(registry)
    story = "the known token is too old"
    expect(status_of(found), 200, story=story)
    used = [used for _, used in registry.renewed]
    story = "the headers that renew was told of, as the refused ones"
    mistakes = {
        "refused-token-not-told": used == [{}] or {"Authorization": "Bearer old"} not in used
    }
    expect(used, [{"Authorization": "Bearer old"}], story=story, mistakes=mistakes)


@check("send_with_token", points=1, rule=STEPS)
def test_other_answers():
    """other answers are given back as they are"""
    none, empty, there = ({}, {"WWW_Authenticate": ""}, {"WWW_Authenticate": ASK_THERE})
    for status, headers in ((404, none), (403, there), (401, none), (401, empty)):
        registry = Direct(Wire(lambda asked, s=status, h=headers: Answer(s, b"no", **h)))
        found = sent(registry)
        told = " and a challenge" if headers is there else " and no challenge"
        told = " and an empty WWW-Authenticate header" if headers is empty else told
        story = f"the registry answered {status}{told}"
        again = len(registry.wire.asked) > 1
        mistakes = {
            "challenge-required": status == 401 and (isinstance(found, Raised) or again),
            "errors-answered-with-a-token": status != 401 and (again or bool(registry.renewed)),
        }
        result = (status_of(found), len(registry.wire.asked))
        shown = f"({status}, 1): the answer, after one request"
        expect(result, (status, 1), story=story, mistakes=mistakes, shown=shown)


# ---------------------------------------------------------------- follow_redirects

REDIRECTING = (
    "RFC 9110, sections 15.4 and 10.2.2: go on at the address in Location, which may be"
    " relative; take off credentials that are not for the new server"
)
SESSION = (
    "requests, API, Session.request: allow_redirects=False leaves redirects alone; with"
    " stream=True the body stays where it is until somebody reads it"
)
BLOB = f"{HOME}/v2/{REPOSITORY}/blobs/{DIGEST}"
STORE = "https://storage.example/xyz?signature=1"


def followed(targets, url=BLOB, headers=None, most=40, method="GET"):
    """What came of it, and the wire, when `targets` (address -> Location) redirect."""

    def answer(asked):
        if asked.url in targets:
            return Answer(307, b"over there", Location=targets[asked.url])
        return Answer(200, b"the blob")

    wire = Wire(answer, most)
    given = {"Authorization": "Bearer t0", "Range": "bytes=5-"} if headers is None else headers
    return outcome(follow_redirects, wire.session, method, url, given), wire


def seen_last(wire):
    """The Authorization header of the last request."""
    return wire.asked[-1].authorization if wire.asked else "nobody was asked"


@check("follow_redirects", points=1, rule=SESSION)
def test_session_is_told_what_not_to_do():
    """requests itself follows no redirect, and leaves the body where it is"""
    pieces = iter([b"the blob"])
    wire = Wire(lambda asked: Answer(200, pieces))
    found = outcome(follow_redirects, wire.session, "GET", BLOB, {})
    followed_by_itself = [options.get("allow_redirects") for options in wire.options]
    mistakes = {"left-to-requests": True in followed_by_itself}
    story = "allow_redirects, as the session was told"
    expect(followed_by_itself, [False], story=story, mistakes=mistakes)
    unread = list(pieces)
    mistakes = {"body-read-at-once": unread == []}
    story = "what was still to be read of the body when follow_redirects returned"
    expect(unread, [b"the blob"], story=story, mistakes=mistakes)


@check("follow_redirects", points=1, rule=REDIRECTING)
def test_redirect_is_followed():
    """the answer at the end of the way is given, and the other headers come along"""
    found, wire = followed({BLOB: STORE})
    story = f"the registry answers 307, Location: {STORE}"
    expect(status_of(found), 200, story=story)
    asked = [(asked.url, asked.headers.get("range")) for asked in wire.asked]
    mistakes = {"other-headers-lost": (STORE, None) in asked}
    expected = [(BLOB, "bytes=5-"), (STORE, "bytes=5-")]
    expect(asked, expected, story="the addresses asked, and the Range headers", mistakes=mistakes)
    closed = [answer.closed for answer in wire.given]
    mistakes = {"redirect-not-dropped": closed == [False, False]}
    story = "the answers that were dropped: the redirect, and not the one that is given back"
    expect(closed, [True, False], story=story, mistakes=mistakes)
    found, wire = followed({BLOB: STORE}, method="HEAD")
    methods = [asked.method for asked in wire.asked]
    mistakes = {"always-get": methods == ["GET", "GET"]}
    story = "follow_redirects was called for a HEAD request; the methods that were used"
    expect(methods, ["HEAD", "HEAD"], story=story, mistakes=mistakes)


@check("follow_redirects", points=2, rule=REDIRECTING)
def test_token_stays_home():
    """the token goes to no other server"""
    for target in (STORE, f"{HOME}:8443/blob", f"https://{HOST}.evil.example/blob"):
        found, wire = followed({BLOB: target})
        shown = seen_last(wire)
        other = urllib.parse.urlsplit(target).hostname == HOST
        mistakes = {
            "port-not-compared": shown is not None and other,
            "beginning-compared": shown is not None and "evil" in target,
            "token-sent-along": shown is not None and len(wire.asked) > 1,
        }
        story = f"{HOST} redirects to {target}; the Authorization header that is sent there"
        expect(shown, None, story=story, mistakes=mistakes)
    given = {"Authorization": "Bearer t0"}
    found, _ = followed({BLOB: STORE}, headers=given)
    story = "the dict of headers that was given to follow_redirects, afterwards"
    mistakes = {"callers-headers-changed": given == {}}
    expect(given, {"Authorization": "Bearer t0"}, story=story, mistakes=mistakes)


@check("follow_redirects", points=1, rule=REDIRECTING)
def test_same_server_gets_the_token():
    """on the same server the token is needed, and Location may be relative"""
    for location in (f"{HOME}/other/blob", "/other/blob"):
        found, wire = followed({BLOB: location})
        story = f"Location: {location}"
        urls = [asked.url for asked in wire.asked[1:]]
        wanted = [f"{HOME}/other/blob"]
        mistakes = {"relative-location": location.startswith("/")}
        got = found if isinstance(found, Raised) else urls
        expect(got, wanted, story=story, mistakes=mistakes)
        mistakes = {"token-always-dropped": seen_last(wire) is None}
        story += "; the Authorization header that is sent there"
        expect(seen_last(wire), "Bearer t0", story=story, mistakes=mistakes)


@check("follow_redirects", points=1, rule=REDIRECTING)
def test_redirects_end():
    """after ten redirects it is enough"""
    way = {f"{HOME}/{n}": f"{HOME}/{n + 1}" for n in range(10)}
    found, _ = followed(way, f"{HOME}/0")
    mistakes = {"one-redirect-only": status_of(found) == 307}
    expect(status_of(found), 200, story="ten redirects, one after the other", mistakes=mistakes)
    found, wire = followed({BLOB: BLOB})
    mistakes = {"endless-redirects": len(wire.asked) >= 40 or found == Raises(RecursionError)}
    story = "a server redirects to itself, for ever"
    expect(found, Raises(BadAnswer), story=story, mistakes=mistakes)
    way |= {f"{HOME}/10": f"{HOME}/11"}
    found, _ = followed(way, f"{HOME}/0")
    mistakes = {"one-redirect-more": status_of(found) == 200}
    expect(found, Raises(BadAnswer), story="eleven redirects (MOST_REDIRECTS is 10)", mistakes=mistakes)


@check("follow_redirects", points=1, rule=REDIRECTING)
def test_redirects_not_to_follow():
    """https does not lead to http, and not each 3xx is a redirect"""
    found, wire = followed({BLOB: "http://storage.example/xyz"})
    mistakes = {"https-to-http": len(wire.asked) > 1}
    story = "an https address redirects to http://storage.example/xyz"
    expect(found, Raises(BadAnswer), story=story, mistakes=mistakes)
    plain = BLOB.replace("https", "http")
    found, _ = followed({plain: "http://storage.example/xyz"}, plain)
    mistakes = {"http-never-followed": isinstance(found, Raised)}
    story = "an http address redirects to http: nothing is lost that was there"
    expect(status_of(found), 200, story=story, mistakes=mistakes)
    wire = Wire(lambda asked: Answer(201, b"", Location=STORE))
    found = outcome(follow_redirects, wire.session, "GET", BLOB, {})
    mistakes = {"every-location-followed": len(wire.asked) > 1}
    story = "the answer is 201 with a Location, which names what was made, and is no redirect"
    result = found if isinstance(found, Raised) else (status_of(found), len(wire.asked))
    expect(result, (201, 1), story=story, mistakes=mistakes)
    wire = Wire(lambda asked: Answer(304, b"", ETag='"x"'))
    found = outcome(follow_redirects, wire.session, "GET", BLOB, {})
    mistakes = {"every-3xx-followed": isinstance(found, Raised)}
    story = "the answer is 304 (not modified), with no Location"
    expect(status_of(found), 304, story=story, mistakes=mistakes)
    wire = Wire(lambda asked: Answer(307, b""))
    found = outcome(follow_redirects, wire.session, "GET", BLOB, {})
    mistakes = {"location-required": isinstance(found, Raised)}
    story = "the answer is 307, with no Location: it is given back, after one request"
    result = found if isinstance(found, Raised) else (status_of(found), len(wire.asked))
    expect(result, (307, 1), story=story, mistakes=mistakes)


# ---------------------------------------------------------------- list_tags

TAGS = (
    'distribution-spec, spec.md, "Listing Tags": the answer is {"name": …, "tags": […]}; while'
    ' there is more, the Link header with rel="next" says where'
)
LIST = f"/v2/{REPOSITORY}/tags/list"


def pages(answers):
    """A registry whose pages are `answers`: path and query -> (tags, Link)."""

    def answer(asked):
        tags, link = answers[asked.url.removeprefix(HOME)]
        document = {"name": REPOSITORY, "tags": tags}
        return Answer(200, document, **({"Link": link} if link else {}))

    return Direct(Wire(answer))


def tags_of(answers):
    return outcome(list_tags, pages(answers), REPOSITORY)


@check("list_tags", points=1, rule=TAGS)
def test_one_page():
    """the tags come in the registry's order"""
    found = tags_of({LIST: (["2", "10", "latest", "1"], None)})
    expected = ["2", "10", "latest", "1"]
    mistakes = {"tags-sorted": isinstance(found, list) and sorted(found) == sorted(expected)}
    expect(found, expected, story="the registry has four tags on one page", mistakes=mistakes)


@check("list_tags", points=2, rule=TAGS)
def test_several_pages():
    """Link leads from page to page"""
    answers = {
        LIST: (["a", "b"], f'<{LIST}?n=2&last=b>; rel="next"'),
        f"{LIST}?n=2&last=b": (["c", "d"], f'<{HOME}{LIST}?n=2&last=d>; rel="next"'),
        f"{LIST}?n=2&last=d": (["e"], None),
    }
    found = tags_of(answers)
    mistakes = {
        "link-ignored": found == ["a", "b"],
        "second-page-only": found == ["a", "b", "c", "d"],
        "last-page-only": found == ["e"],
    }
    expected = ["a", "b", "c", "d", "e"]
    expect(found, expected, story="the registry has five tags on three pages", mistakes=mistakes)


@check("list_tags", points=1, rule=TAGS)
def test_odd_lists():
    """tags may be null, and a tag may come twice"""
    found = tags_of({LIST: (None, None)})
    mistakes = {"null-not-expected": found == Raises(TypeError) or found == [None]}
    expect(found, [], story='the registry answered {"tags": null}', mistakes=mistakes)
    again = f"{LIST}?last=b"
    found = tags_of({LIST: (["a", "b"], f'<{again}>; rel="next"'), again: (["b", "c"], None)})
    mistakes = {"tag-twice": found == ["a", "b", "b", "c"]}
    expect(found, ["a", "b", "c"], story="both pages have the tag b", mistakes=mistakes)
    found = outcome(list_tags, Direct(Wire(lambda asked: Answer(200, {"name": "x"}))), REPOSITORY)
    story = "the registry answered an object with no member tags"
    expect(found, [], story=story)
    found = tags_of({LIST: (["a", None, 7, "b"], None)})
    mistakes = {"no-text-for-a-tag": isinstance(found, list) and None in found}
    story = 'the registry answered {"tags": ["a", null, 7, "b"]}'
    expect(found, ["a", "b"], story=story, mistakes=mistakes)


@check("list_tags", points=1, rule=TAGS)
def test_list_without_end():
    """a list that never ends raises BadAnswer"""
    wire = Wire(
        lambda asked: Answer(200, {"tags": ["a"]}, Link=f'<{LIST}?n=1>; rel="next"'), MOST_PAGES + 5
    )
    found = outcome(list_tags, Direct(wire), REPOSITORY)
    mistakes = {"endless-list": len(wire.asked) > MOST_PAGES}
    story = "the second page says that it is followed by itself"
    expect(found, Raises(BadAnswer), story=story, mistakes=mistakes)

    def ever_more(asked):
        number = int(asked.query.get("n", 0)) + 1
        return Answer(200, {"tags": []}, Link=f'<{LIST}?n={number}>; rel="next"')

    wire = Wire(ever_more, MOST_PAGES + 5)
    found = outcome(list_tags, Direct(wire), REPOSITORY)
    mistakes = {"pages-not-counted": len(wire.asked) > MOST_PAGES}
    story = "each page is followed by another one, for ever"
    expect(found, Raises(BadAnswer), story=story, mistakes=mistakes)
    story = f"the same; the pages that were asked for (MOST_PAGES is {MOST_PAGES})"
    expect(len(wire.asked), MOST_PAGES, story=story, mistakes=mistakes)


# ---------------------------------------------------------------- get_manifest

PULLING = (
    'distribution-spec, spec.md, "Pulling manifests": the client says in Accept which types it'
    " understands; the content must have the digest that was asked for, or that was promised"
)
DOCUMENT = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": DIGEST, "size": 7},
        "layers": [],
    },
    indent=3,
).encode()
FLIPPED = DOCUMENT.replace(b'"size": 7', b'"size": 6')
BY_ACCIDENT = (KeyError, AttributeError, TypeError, ImageError)
DESCRIPTOR = {"mediaType": MANIFEST, "digest": sha256(DOCUMENT), "size": len(DOCUMENT)}


def manifest_from(reference, content=DOCUMENT, promise="", media_type=MANIFEST):
    """What get_manifest gives, and the wire; `promise` is the header Docker-Content-Digest."""
    headers = {"Docker_Content_Digest": promise} if promise else {}
    headers |= {"Content_Type": media_type} if media_type else {}
    wire = Wire(lambda asked: Answer(200, content, **headers))
    return outcome(get_manifest, Direct(wire), REPOSITORY, reference), wire


@check("get_manifest", points=1, rule=PULLING)
def test_manifest_by_tag():
    """descriptor and bytes are given, by tag and by digest"""
    for reference in ("1.0", DESCRIPTOR["digest"]):
        found, wire = manifest_from(reference, promise=DESCRIPTOR["digest"])
        story = f"get_manifest(registry, {REPOSITORY!r}, {reference[:14]!r})"
        path = f"/v2/{REPOSITORY}/manifests/{reference}"
        expect(wire.paths, [path], story=f"{story} asks for")
        digest = found[0].get("digest") if isinstance(found, tuple) else None
        rewritten = [
            sha256(json.dumps(json.loads(DOCUMENT), **how).encode()) for how in ({}, {"indent": 2})
        ]
        mistakes = {
            "rewritten-json": digest in rewritten or found == Raises(DigestMismatch),
            "content-only": found == DOCUMENT,
        }
        expect(found, (DESCRIPTOR, DOCUMENT), story=story, mistakes=mistakes)


@check("get_manifest", points=2, rule=PULLING)
def test_accept():
    """the request says which four types we understand"""
    found, wire = manifest_from("1.0", promise=DESCRIPTOR["digest"])
    accept = wire.asked[0].headers.get("accept", "") if wire.asked else ""
    types = sorted(part.partition(";")[0].strip() for part in accept.split(",") if part.strip())
    docker = "application/vnd.docker.distribution.manifest"
    expected = sorted([INDEX, MANIFEST, f"{docker}.list.v2+json", f"{docker}.v2+json"])
    mistakes = {
        "accept-missing": types in ([], ["*/*"], ["application/json"]),
        "accept-too-few": set(types) < set(expected),
    }
    story = "the types in the Accept header"
    expect(types, expected, story=story, mistakes=mistakes)


@check("get_manifest", points=2, rule=PULLING)
def test_manifest_with_a_flipped_bit():
    """content with another digest than the one asked for is refused"""
    for promise in (DESCRIPTOR["digest"], sha256(FLIPPED), ""):
        found, _ = manifest_from(DESCRIPTOR["digest"], FLIPPED, promise)
        given = isinstance(found, tuple)
        mistakes = {
            "promise-believed": given and promise == sha256(FLIPPED),
            "promise-required": not promise and (given or found == Raises(BY_ACCIDENT)),
            "manifest-unchecked": given,
        }
        told = (
            "the digest of what it sent" if promise == sha256(FLIPPED) else promise[:14] or "none"
        )
        story = f"one bit of the content is flipped; the digest that the registry promises: {told}"
        expect(found, Raises(DigestMismatch), story=story, mistakes=mistakes)


@check("get_manifest", points=1, rule=PULLING)
def test_promised_digest():
    """by tag, the promised digest must be right, where there is one"""
    found, _ = manifest_from("1.0", FLIPPED, DESCRIPTOR["digest"])
    mistakes = {"promise-unchecked": isinstance(found, tuple)}
    story = "one bit is flipped on the way, after the registry promised the digest of the original"
    expect(found, Raises(DigestMismatch), story=story, mistakes=mistakes)
    found, _ = manifest_from("1.0")
    none = isinstance(found, tuple) and found[0].get("digest") is None
    mistakes = {"promise-required": none or found == Raises(BY_ACCIDENT)}
    story = "the registry promises no digest, which it may"
    expect(found, (DESCRIPTOR, DOCUMENT), story=story, mistakes=mistakes)
    found, _ = manifest_from(DESCRIPTOR["digest"], DOCUMENT, sha256(FLIPPED))
    mistakes = {"promise-only-by-tag": isinstance(found, tuple)}
    story = "asked by digest, the registry sends what was asked for, but promised another digest"
    expect(found, Raises(DigestMismatch), story=story, mistakes=mistakes)
    longer = f"sha512:{hashlib.sha512(DOCUMENT).hexdigest()}"
    found, _ = manifest_from(longer)
    digest = found[0].get("digest") if isinstance(found, tuple) else found
    mistakes = {"always-sha256": digest == DESCRIPTOR["digest"]}
    story = "asked by a sha512 digest, which is right; the digest in the descriptor"
    expect(digest, longer, story=story, mistakes=mistakes)


@check("get_manifest", points=1, rule=PULLING)
def test_media_type():
    """the type is known even if the registry's header does not tell it"""
    found, _ = manifest_from("1.0", media_type="text/plain; charset=utf-8")
    kind = found[0].get("mediaType") if isinstance(found, tuple) else found
    mistakes = {"header-believed": str(kind).startswith("text/plain")}
    story = "Content-Type is text/plain, the document itself says what it is; the mediaType found"
    expect(kind, MANIFEST, story=story, mistakes=mistakes)
    docker = "application/vnd.docker.distribution.manifest.v2+json"
    untyped = DOCUMENT.replace(f'"{MANIFEST}"'.encode(), b"null").replace(b'"mediaType": null,', b"", 1)
    for header, wanted, story in (
        (docker, docker, "Content-Type says that it is Docker's, the document says nothing"),
        ("", MANIFEST, "there is no Content-Type; the document has a config and layers"),
    ):
        found, _ = manifest_from("1.0", untyped, media_type=header)
        kind = found[0].get("mediaType") if isinstance(found, tuple) else found
        mistakes = {"content-type-unread": header == docker and kind == MANIFEST}
        expect(kind, wanted, story=f"{story}; the mediaType found", mistakes=mistakes)
    endless = (b" " * 65536 for _ in range(1000))
    found, _ = manifest_from("1.0", endless)
    mistakes = {"read-without-limit": next(endless, None) is None}
    story = "the answer has 64 MB, which no manifest has"
    expect(found, Raises(BadAnswer), story=story, mistakes=mistakes)


# ---------------------------------------------------------------- get_blob

BLOBS = (
    'distribution-spec, spec.md, "Pulling blobs", and image-spec, descriptor.md,'
    ' "Verification": the content has the size and the digest of its descriptor, or is refused'
)
RANGES = (
    "RFC 9110, sections 14.2 and 15.3.7: Range asks for a part; 206 brings it, Content-Range"
    " says which part it is; 200 brings everything"
)
CONTENT = bytes(range(256)) * 64
PIECES = [CONTENT[at : at + 2048] for at in range(0, len(CONTENT), 2048)]
LAYER_BLOB = {"mediaType": LAYER_GZIP, "digest": sha256(CONTENT), "size": len(CONTENT)}
BROKEN = ConnectionResetError("connection reset by peer")


def blob_from(layout, answer, descriptor=LAYER_BLOB):
    """What get_blob gives, and the wire."""
    wire = Wire(answer)
    return outcome(get_blob, Direct(wire), REPOSITORY, descriptor, layout), wire


def stored(layout, digest=LAYER_BLOB["digest"]):
    """The blob's content as it is in the layout; None if it is not there."""
    path = layout.path.joinpath("blobs", *digest.split(":"))
    return path.read_bytes() if path.exists() else None


def in_words(content):
    """What is stored, for a report."""
    if content is None:
        return "no blob"
    return "the whole blob" if content == CONTENT else f"{len(content)} bytes that are not the blob"


def ranges_of(wire):
    """The Range headers that were sent; bytes=0- is everything, as none is."""
    sent = [asked.headers.get("range") for asked in wire.asked]
    return [None if header == "bytes=0-" else header for header in sent]


def bytes_on_disk(layout):
    return sum(path.stat().st_size for path in layout.path.rglob("*") if path.is_file())


@check("get_blob", points=1, rule=BLOBS)
def test_blob_arrives(tmp_path):
    """the blob is in the layout under its digest, and progress is told"""
    layout = create_layout(tmp_path)
    told = []
    wire = Wire(lambda asked: Answer(200, list(PIECES)))
    arguments = (Direct(wire), REPOSITORY, LAYER_BLOB, layout)
    found = outcome(get_blob, *arguments, lambda descriptor, count: told.append(count))
    path = f"/v2/{REPOSITORY}/blobs/{LAYER_BLOB['digest']}"
    expect(wire.paths[:1], [path], story="asked for")
    expect(found, None, story=f"a blob of {len(CONTENT)} bytes was there to get")
    mistakes = {"never-committed": stored(layout) is None}
    expect(in_words(stored(layout)), "the whole blob", story="in the layout", mistakes=mistakes)
    mistakes = {"progress-untold": told == []}
    story = "the last that progress was told: how many bytes are there"
    expect(told[-1:], [len(CONTENT)], story=story, mistakes=mistakes)
    found, wire = blob_from(create_layout(tmp_path / "other"), lambda asked: Answer(404, b"{}"))
    expect(found, Raises(RegistryError), story="the registry answers 404")
    mistakes = {"every-error-retried": len(wire.asked) > 1}
    story = "the registry answers 404, and will not have it in a moment either; how often it was asked"
    expect(len(wire.asked), 1, story=story, mistakes=mistakes)


@check("get_blob", points=2, rule=BLOBS)
def test_blob_with_a_flipped_bit(tmp_path):
    """a blob with one flipped bit is refused, and gets no name"""
    layout = create_layout(tmp_path)
    wrong = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]
    found, _ = blob_from(layout, lambda asked: Answer(200, wrong))
    mistakes = {"blob-unchecked": stored(layout) is not None and not isinstance(found, Raised)}
    story = "one bit is flipped on the way"
    expect(found, Raises(DigestMismatch), story=story, mistakes=mistakes)
    mistakes = {"kept-under-its-name": stored(layout) is not None}
    expect(in_words(stored(layout)), "no blob", story=story, mistakes=mistakes)
    found, wire = blob_from(layout, lambda asked: Answer(200, [*PIECES, *PIECES, *PIECES]))
    story = "the registry sends three times as many bytes as the blob has"
    expect(found, Raises(ImageError), story=story)
    closed = [answer.closed for answer in wire.given]
    mistakes = {"blob-left-open": False in closed}
    expect(all(closed), True, story=f"{story}; was the answer closed?", mistakes=mistakes)


@check("get_blob", points=2, rule=BLOBS)
def test_blob_is_streamed(tmp_path):
    """what arrives goes to the disk piece by piece"""
    layout = create_layout(tmp_path)
    before = bytes_on_disk(layout)
    content, pieces = b"a layer." * 2**19, 64  # large enough for whoever reads 1 MiB at a time
    size = len(content) // pieces
    on_disk = []

    def body():
        for at in range(0, len(content), size):
            on_disk.append(bytes_on_disk(layout) - before)
            yield content[at : at + size]

    large = {"mediaType": LAYER_GZIP, "digest": sha256(content), "size": len(content)}
    found, _ = blob_from(layout, lambda asked: Answer(200, body()), large)
    expect(found, None, story=f"a blob came in {pieces} pieces")
    half = len(content) // 2
    story = f"how much was on the disk before the last piece of {len(content)} bytes came"
    shown = f"at least {half} bytes"
    kept = on_disk[-1] if on_disk else "nobody asked for the blob"
    enough = bool(on_disk) and kept >= half
    mistakes = {"whole-blob-in-memory": bool(on_disk)}
    expect(True if enough else kept, True, story=story, mistakes=mistakes, shown=shown)


@check("get_blob", points=2, rule=RANGES)
def test_blob_is_continued(tmp_path):
    """after a broken connection the rest is asked for, and only the rest"""
    layout = create_layout(tmp_path)

    def answer(asked):
        part = f"bytes {asked.start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        if asked.start:
            return Answer(206, CONTENT[asked.start :], Content_Range=part)
        if "range" in asked.headers:
            return Answer(206, [*PIECES[:3], BROKEN], Content_Range=part)
        return Answer(200, [*PIECES[:3], BROKEN])

    found, wire = blob_from(layout, answer)
    asked = ranges_of(wire)
    story = "the connection breaks after 6144 bytes"
    mistakes = {
        "partial-kept-as-finished": stored(layout) not in (None, CONTENT) or found is None,
        "everything-again": asked[1:2] == [None],
        "one-break-ends-it": len(asked) == 1,
        "range-one-off": asked[1:2] in (["bytes=6143-"], ["bytes=6145-"]),
    }
    result = in_words(stored(layout)) if found is None else found
    expect(result, "the whole blob", story=story, mistakes=mistakes)
    expect(asked, [None, "bytes=6144-"], story=f"{story}; Range headers", mistakes=mistakes)


@check("get_blob", points=1, rule=RANGES)
def test_blob_in_four_parts(tmp_path):
    """three broken connections are endured, and the fourth brings the rest"""
    layout = create_layout(tmp_path)

    def answer(asked):
        rest = PIECES[asked.start // 2048 :]
        body = rest if len(rest) <= 2 else [*rest[:2], BROKEN]
        if "range" not in asked.headers:
            return Answer(200, body)
        part = f"bytes {asked.start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        return Answer(206, body, Content_Range=part)

    found, _ = blob_from(layout, answer)
    mistakes = {"rest-counted-as-all": found == Raises(RegistryError)}
    result = in_words(stored(layout)) if found is None else found
    story = "the connection breaks after each 4096 bytes, of 16384"
    expect(result, "the whole blob", story=story, mistakes=mistakes)


@check("get_blob", points=1, rule=RANGES)
def test_blob_again_from_the_start(tmp_path):
    """a registry that answers 200 begins again, and so do we"""
    layout = create_layout(tmp_path)
    bodies = iter([[*PIECES[:3], BROKEN], list(PIECES)])
    found, _ = blob_from(layout, lambda asked: Answer(200, next(bodies, [])))
    doubled = found == Raises((SizeMismatch, DigestMismatch))
    mistakes = {"appended-after-200": doubled}
    result = in_words(stored(layout)) if found is None else found
    story = (
        "the connection breaks; to the request with Range the registry answers 200, with everything"
    )
    expect(result, "the whole blob", story=story, mistakes=mistakes)


@check("get_blob", points=2, rule=BLOBS)
def test_blob_never_complete(tmp_path):
    """what never gets complete is no blob; the next pull continues it"""
    layout = create_layout(tmp_path)

    def short(asked):
        if not asked.start:
            return Answer(200, [*PIECES[:3], BROKEN])
        part = f"bytes {asked.start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        return Answer(206, [BROKEN], Content_Range=part)

    found, wire = blob_from(layout, short)
    mistakes = {
        "partial-kept-as-finished": stored(layout) is not None,
        "failure-kept-silent": found is None,
        "endless-attempts": len(wire.asked) > 20,
    }
    story = "the connection breaks after 6144 bytes, and then each time at once"
    expect(found, Raises(RegistryError), story=story, mistakes=mistakes)
    expect(in_words(stored(layout)), "no blob", story=story, mistakes=mistakes)
    part = f"bytes 6144-{len(CONTENT) - 1}/{len(CONTENT)}"
    found, wire = blob_from(layout, lambda asked: Answer(206, CONTENT[6144:], Content_Range=part))
    asked = ranges_of(wire)
    story = "the next day get_blob is called again; Range headers"
    mistakes = {"yesterdays-part-forgotten": asked[:1] == [None]}
    expect(asked, ["bytes=6144-"], story=story, mistakes=mistakes)


# ---------------------------------------------------------------- pull

WHOLE = (
    'distribution-spec, spec.md, "Pull", and image-spec, image-layout.md: the manifest, then'
    " every blob that it names; a name in index.json leads to an image that is all there"
)
NAME = f"{HOST}/{REPOSITORY}:1.0"
PLATFORM = {"os": "linux", "architecture": "amd64"}


class Shop:
    """A registry that has one image, with two layers or as many as `layers` says."""

    reference = Reference(HOST, REPOSITORY, "1.0")

    def __init__(self, path, layers=("one", "two"), before=lambda asked: None, platform=PLATFORM):
        self.sample = Sample(path / "shop")
        tars = [tar(file("name", text)) for text in layers]
        manifest = self.sample.image(tars, {"Cmd": ["/bin/app"]}, platform=platform)
        self.top = self.sample.index([manifest])
        self.manifest = json.loads(self.sample.file(manifest["digest"]).read_text())
        self.before = before
        self.wire = Wire(self.answer)
        self.registry = Direct(self.wire)
        self.layout = create_layout(path / "store")

    def answer(self, asked):
        replaced = self.before(asked)
        if replaced is not None:
            return replaced
        if not asked.path.startswith(f"/v2/{REPOSITORY}/"):
            return Answer(400, {"errors": [{"code": "NAME_INVALID"}]})
        last = asked.path.rpartition("/")[2]
        digest = self.top["digest"] if last == "1.0" else last
        path = self.sample.file(digest)
        if ":" not in digest or not path.exists():
            return Answer(404, {"errors": []})
        content = path.read_bytes()
        head = {"Docker_Content_Digest": digest}
        if "/manifests/" in asked.path:
            head["Content_Type"] = json.loads(content)["mediaType"]
        return Answer(200, b"" if asked.method == "HEAD" else content, **head)

    def pull(self, progress=None):
        named = {"registry": self.registry} | ({"progress": progress} if progress else {})
        return outcome(pull, self.reference, self.layout, PLATFORM, **named)

    def pull_by_default(self):
        """What pull gives when only a name of docker.io and a layout are given; no network."""

        with unittest.mock.patch.object(Session, "get_adapter", lambda session, url: self.wire):
            return outcome(pull, Reference("docker.io", REPOSITORY, "1.0"), self.layout)

    def blobs(self):
        """What was asked for: `config`, `layer 1`, `layer 2` …, sorted."""
        known = {self.manifest["config"]["digest"]: "config"}
        for number, layer in enumerate(self.manifest["layers"], 1):
            known.setdefault(layer["digest"], f"layer {number}")
        asked = [path.rpartition("/")[2] for path in self.wire.paths if "/blobs/" in path]
        return sorted(known.get(digest, digest) for digest in asked)

    def missing(self):
        """The blobs of the manifest that the store has not got."""
        wanted = [self.manifest["config"], *self.manifest["layers"]]
        return [one for one in wanted if stored(self.layout, one["digest"]) is None]

    def names(self):
        index = json.loads((self.layout.path / "index.json").read_text())
        key = "org.opencontainers.image.ref.name"
        return {entry["annotations"].get(key): entry["digest"] for entry in index["manifests"]}


@check("pull", points=2, rule=WHOLE)
def test_pull_everything(tmp_path):
    """config and layers come, then the name is written"""
    shop = Shop(tmp_path)
    found = shop.pull()
    paths = shop.wire.paths
    mistakes = {
        "reference-for-repository": any(f"/{REPOSITORY}:1.0/" in path for path in paths),
        "config-forgotten": shop.blobs() == ["layer 1", "layer 2"],
        "manifest-only": isinstance(found, dict) and shop.blobs() == [],
    }
    story = "the image has a config and two layers; the blobs that were fetched"
    fetched = found if isinstance(found, Raised) else shop.blobs()
    expect(fetched, ["config", "layer 1", "layer 2"], story=story, mistakes=mistakes)
    names = shop.names()
    mistakes = {
        "name-forgotten": names == {},
        "short-name-kept": names.keys() <= {"1.0", REPOSITORY, f"{REPOSITORY}:1.0"},
    }
    expect(names, {NAME: shop.top["digest"]}, story="the names in the layout", mistakes=mistakes)
    mistakes = {"nothing-returned": found is None}
    digest = found.get("digest") if isinstance(found, dict) else found
    story = "the digest of the descriptor that pull returned (the index that the name stands for)"
    expect(digest, shop.top["digest"], story=story, mistakes=mistakes)


@check("pull", points=1, rule=WHOLE)
def test_pull_tells_progress(tmp_path):
    """progress is told of every blob"""
    shop = Shop(tmp_path)
    told = set()
    found = shop.pull(lambda descriptor, count: told.add(descriptor["digest"]))
    wanted = {one["digest"] for one in [shop.manifest["config"], *shop.manifest["layers"]]}
    mistakes = {"progress-not-handed-on": told == set()}
    story = "pull(…, progress=progress): of how many of the 3 blobs it was told"
    expect(len(told & wanted), 3, story=story, mistakes=mistakes)


@check("pull", points=1, rule=WHOLE)
def test_pull_by_default(tmp_path):
    """without registry and platform, the name's registry and this machine are meant"""
    shop = Shop(tmp_path, platform=host_platform())
    found = shop.pull_by_default()
    hosts = sorted({urllib.parse.urlsplit(asked.url).hostname for asked in shop.wire.asked})
    slip = isinstance(found, Raised) and isinstance(found.error, (AttributeError, TypeError))
    mistakes = {
        "registry-required": slip and not hosts,
        "platform-required": slip and bool(hosts),
        "docker-io-asked": hosts == ["docker.io"],
    }
    story = "pull(docker.io/team/app:1.0, layout): the servers that were asked"
    result = found if isinstance(found, Raised) else hosts
    expect(result, ["registry-1.docker.io"], story=story, mistakes=mistakes)
    other = {"os": "linux", "architecture": "mips"}
    shop = Shop(tmp_path / "other", platform=other)
    found = outcome(pull, shop.reference, shop.layout, other, registry=shop.registry)
    mistakes = {"platform-ignored": found == Raises(NoMatchingPlatform)}
    digest = found.get("digest") if isinstance(found, dict) else found
    story = "pull(…, platform) for linux/mips, which the image is for, and this machine is not"
    expect(digest, shop.top["digest"], story=story, mistakes=mistakes)


@check("pull", points=1, rule=WHOLE)
def test_pull_beside_prune(tmp_path):
    """while blobs arrive, nobody clears away what has no name yet"""
    pruned = []

    def prune_now(asked):
        if "/blobs/" in asked.path and locks.fcntl is not None:
            pruned.extend(prune(shop.layout))

    shop = Shop(tmp_path, before=prune_now)
    found = shop.pull()
    story = "somebody calls prune during the pull: how many blobs it deleted"
    mistakes = {"not-in-use": pruned != []}
    expect(len(pruned), 0, story=story, mistakes=mistakes)


@check("pull", points=2, rule=WHOLE)
def test_pull_skips_what_is_there(tmp_path):
    """blobs that are there already are not fetched"""
    shop = Shop(tmp_path)
    first = shop.manifest["layers"][0]["digest"]
    here = shop.layout.path.joinpath("blobs", *first.split(":"))
    here.write_bytes(shop.sample.file(first).read_bytes())
    found = shop.pull()
    fetched = found if isinstance(found, Raised) else shop.blobs()
    story = "layer 1 is in the store already (another image has it); the blobs that were fetched"
    mistakes = {"fetched-again": "layer 1" in fetched if isinstance(fetched, list) else False}
    expect(fetched, ["config", "layer 2"], story=story, mistakes=mistakes)


@check("pull", points=2, rule=WHOLE)
def test_name_comes_last(tmp_path):
    """when a blob fails, pull fails, and the name is not written"""
    shop = Shop(tmp_path)
    last = shop.manifest["layers"][-1]["digest"]
    whole = shop.sample.file(last).read_bytes()
    wrong = whole[:-1] + bytes([whole[-1] ^ 1])
    shop.before = lambda asked: Answer(200, wrong) if asked.path.endswith(last) else None
    found = shop.pull()
    mistakes = {"failure-swallowed": not isinstance(found, Raised)}
    story = "one layer arrives with a flipped bit"
    kinds = (ImageError, RegistryError)
    expect(found, Raises(kinds), story=story, mistakes=mistakes)
    mistakes = {"name-before-blobs": True}
    expect(shop.names(), {}, story=f"{story}; the names in the layout", mistakes=mistakes)


@check("pull", points=1, rule=WHOLE)
def test_pull_in_parallel(tmp_path):
    """several blobs are fetched at a time"""
    together = threading.Barrier(2)
    met = []

    def wait_for_another(asked):
        if "/blobs/" in asked.path:
            try:
                together.wait(0.8 if not met else 0.01)
                met.append(True)
            except threading.BrokenBarrierError:
                met.append(False)

    shop = Shop(tmp_path, ("one", "two", "three"), wait_for_another)
    found = shop.pull()
    mistakes = {"one-after-the-other": not isinstance(found, Raised)}
    story = "the registry waits a moment with each blob for another request to come"
    shown = "two requests at the same time"
    result = found if isinstance(found, Raised) else any(met) or "one request at a time"
    expect(result, True, story=story, mistakes=mistakes, shown=shown)


@check("pull", points=1, rule=WHOLE)
def test_layer_that_stands_twice(tmp_path):
    """a layer that stands twice in the manifest is fetched once"""
    shop = Shop(tmp_path, ("one", "two", "one"))
    found = shop.pull()
    fetched = found if isinstance(found, Raised) else shop.blobs()
    story = "layers 1 and 3 are the same; the blobs that were fetched"
    mistakes = {"fetched-twice": isinstance(fetched, list) and fetched.count("layer 1") > 1}
    expect(fetched, ["config", "layer 1", "layer 2"], story=story, mistakes=mistakes)
