# SPDX-License-Identifier: MIT
"""Places where a secret can stand in a call. Each gives a Shot: what to send, what comes back.

A secret here is made up and random; KEPT stands near it and must survive: a row that is empty
proves nothing.
"""

import base64
import gzip
import json
import random
import string
import urllib.parse
import zlib

import brotli
import zstandard

from .place import HOST

KEPT = "kept-in-the-row"
JSON = [("Content-Type", "application/json")]
FORM = [("Content-Type", "application/x-www-form-urlencoded")]

# reliability.md, R2 and R3
KEYS = """
password Password user_password password_confirmation passwd passphrase pwd secret client_secret
client-secret clientSecret secret_key SECRET_TOKEN token access_token accessToken refresh_token
id_token bot_token api_token apikey api_key apiKey API-KEY x-api-key access_key private_key
authorization auth bearer credential credentials cookie session session_id csrf csrf_token xsrf_token
otp pin cvv cvc card_number cardnumber pan iban account_number routing_number ssn signature sig
assertion code_verifier mysql_pwd stripetoken connection_string dsn webhook_url
""".split()
QUERY_KEYS = ["AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature", "X-Amz-Signature",
              "X-Amz-Credential", "X-Amz-Security-Token"]
HEADERS = ["X-Api-Key", "X-Auth-Token", "X-Access-Token", "Cookie", "X-Csrf-Token", "Api-Key",
           "X-Secret", "X-Amz-Security-Token", "X-Session-Id", "X-Signature", "Private-Token",
           "X-Anything-At-All"]


class Shot:
    def __init__(self, target="/emails", method="POST", host=HOST, fields=(), body=b"", answer=None,
                 answer_fields=(), status=200, kept=True):
        self.target, self.method, self.host = target, method, host
        self.fields, self.body = list(fields), body
        self.answer = json.dumps({"id": KEPT}).encode() if answer is None else answer
        self.answer_fields = list(answer_fields) or JSON
        self.status, self.kept = status, kept


def text(rng, length=24):
    return "cnry" + "".join(rng.choices(string.ascii_letters + string.digits, k=length - 4))


def digits(rng):
    """A card number: 16 digits that pass the Luhn check."""
    head = "4" + "".join(rng.choices(string.digits, k=14))
    total = 0
    for i, digit in enumerate(reversed(head)):
        value = int(digit) * (2 if i % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return head + str(-total % 10)


def dump(value):
    return json.dumps(value).encode()


def escaped(secret):
    return "".join(f"\\u{ord(c):04x}" for c in secret)


def _multipart(*parts):
    out = b""
    for disposition, data in parts:
        out += b"--Bnd\r\nContent-Disposition: form-data; " + disposition.encode() + b"\r\n\r\n"
        out += data + b"\r\n"
    return out + MULTIPART_END


MULTIPART_END = b"--Bnd--\r\n"
MULTIPART = [("Content-Type", "multipart/form-data; boundary=Bnd")]
CUT_WITHIN = "cut in the secret"
CUT_BYTES = 6  # of the secret, which are not sent


def multipart_bodies(key, s):
    """As (name, Content-Type, bytes, whether what is no secret is kept)."""
    whole = _multipart((f'name="{key}"', s.encode()), ('name="n"', KEPT.encode()))
    kind = MULTIPART[0][1]
    folded = whole.replace(b"form-data; ", b"form-data;\r\n ")
    second = _multipart(('name="n"', KEPT.encode()), (f'name="{key}"', s.encode()))
    return [
        ("field", kind, whole, True),
        ("bracket", kind, whole.replace(b'="', b'="a[', 1).replace(b'"\r', b']"\r', 1), True),
        ("file", kind, _multipart(('name="f"; filename="a.bin"', s.encode())), False),
        ("JSON", kind, _multipart(('name="n"', dump({key: s, "n": KEPT}))), True),
        ("folded", kind, folded, True),
        ("named twice", kind, whole.replace(b"data; ", b"data; name=a\r\nContent-Disposition: form-data; "), False),
        ("without a name", kind, whole.replace(b"name=", b"nam="), False),
        ("without an end", kind, whole[: -len(MULTIPART_END)], False),
        ("unended", kind, _multipart((f'name="{key}"', s.encode()))[: -len(MULTIPART_END)], False),
        ("unended second", kind, second[: -len(MULTIPART_END)], True),
        ("line feeds", kind, whole.replace(b"\r\n", b"\n"), False),
        ("no boundary", "multipart/form-data", whole, True),
        ("another boundary", kind + "Other", whole, True),
        ("mixed", "multipart/mixed; boundary=Bnd", whole, False),
        ("related", "multipart/related; boundary=Bnd", whole, False),
        ("as JSON", "application/json", whole, True),
        ("as a form", "application/x-www-form-urlencoded", whole, True),
        ("as text", "text/plain", whole, True),
        ("as text unended", "text/plain", whole[: -len(MULTIPART_END)], False),
        ("as text in line feeds", "text/plain", whole.replace(b"\r\n", b"\n"), False),
        ("in UTF-16", kind, _multipart(('name="n"', f"{key}={s}".encode("utf-16"))), False),
    ]


def wide_bodies(key, s):
    """Text whose characters are wider than a byte, as (name, Content-Type, bytes)."""
    plain, cyrillic = f"{key}={s}", "абвгдежзиклмнопрстуфхцчшщъыьэюя" * 3
    return [
        ("UTF-16", "text/plain", plain.encode("utf-16")),
        ("UTF-16BE", "text/plain", plain.encode("utf-16-be")),
        ("UTF-32", "application/json", dump({key: s}).decode().encode("utf-32")),
        ("UTF-32LE", "text/html", plain.encode("utf-32-le")),
        ("UTF-16 by name", "text/plain; charset=utf-16le", (cyrillic + plain).encode("utf-16-le")),
        ("UTF-16 behind Cyrillic", "text/plain", (cyrillic + plain).encode("utf-16-le")),
        ("UTF-16 form", "application/x-www-form-urlencoded", plain.encode("utf-16-le")),
    ]


def json_bodies(key, s):
    """Bodies of JSON, as (name, bytes): the secret under a key that tells, at every depth."""
    inner = {key: s, "note": KEPT}
    return [
        ("top", dump(inner)),
        ("deep", dump({"a": {"b": [{"c": inner}]}})),
        ("very deep", b'{"x":' * 60 + dump(inner) + b"}" * 60),
        ("list of values", dump({key: [s, s + "2"], "note": KEPT})),
        ("object below", dump({key: {"value": s, "more": [s]}, "note": KEPT})),
        ("after a megabyte", dump({"note": KEPT, "fill": "f" * 1000000, key: s})),
        ("twice", dump(inner)[:-1] + b',"' + key.encode() + b'":"' + s.encode() + b'x"}'),
        ("escaped value", b'{"%s":"%s","note":"%s"}'
         % (key.encode(), escaped(s).encode(), KEPT.encode())),
        ("escaped key", b'{"%s":"%s","note":"%s"}'
         % (escaped(key).encode(), s.encode(), KEPT.encode())),
        ("JSON in a string", dump({"data": json.dumps(inner)})),
        ("JSON in a string in a string", dump({"data": json.dumps({"d": json.dumps(inner)})})),
        ("base64 of JSON", dump({"data": base64.b64encode(dump(inner)).decode(), "note": KEPT})),
        ("cut short", dump({"note": KEPT, key: s, "z": [1, 2]})[:-5]),
        (CUT_WITHIN, dump({"note": KEPT, key: s})[:-len('"}') - CUT_BYTES]),
        ("cut behind the secret", dump({"note": KEPT, key: s})[:-2]),
        ("base64 in lines", dump({"data": base64.encodebytes(dump(inner)).decode(), "note": KEPT})),
        ("behind words", dump({"message": "failed: " + json.dumps(inner)})),
        ("quoted twice", dump({"message": "failed: " + json.dumps(json.dumps(inner))})),
        ("pair", dump({"headers": [{"name": key, "value": s}], "note": KEPT})),
        ("pair from behind", dump({"headers": [{"value": s, "name": key}], "note": KEPT})),
        ("XML inside", dump({"xml": f"<r><{key}>{s}</{key}></r>", "note": KEPT})),
        ("HTML inside", dump({"html": f'<input name="{key}" value="{s}">', "note": KEPT})),
        ("URL in a URL", dump({"u": "https%3A%2F%2Fa%2F%3F" + f"{key}%3D{s}%26n%3D1", "note": KEPT})),
        ("callback", b"cb(" + dump({"note": KEPT, key: [s]}) + b");"),
        ("UTF-16", dump(inner).decode().encode("utf-16")),
        ("named again", dump({key: s, "note": f"{KEPT} the key {s} is wrong"})),
        ("with a BOM", b"\xef\xbb\xbf" + dump(inner)),
        ("lines", dump(inner) + b"\n" + dump(inner)),
    ]


def form_bodies(key, s):
    quoted = urllib.parse.quote(s, safe="")
    hexed = "".join(f"%{ord(c):02X}" for c in s)
    return [
        ("plain", f"note={KEPT}&{key}={quoted}"),
        ("percent", f"note={KEPT}&{key}={hexed}"),
        ("bracket", f"note={KEPT}&data[{key}]={quoted}"),
        ("bracket percent", f"note={KEPT}&data%5B{key}%5D={quoted}"),
        ("list", f"{key}[]={quoted}&{key}[]={quoted}2&note={KEPT}"),
        ("key percent", "".join(f"%{ord(c):02x}" for c in key) + f"={quoted}&note={KEPT}"),
        ("percent-encoded twice", f"note={KEPT}&u=" + urllib.parse.quote(f"https%3A%2F%2Fa%2F%3F{key}%3D{s}")),
        ("JSON inside", "note=" + KEPT + "&data=" + urllib.parse.quote(json.dumps({key: s}))),
    ]


def xml_bodies(key, s):
    return [
        ("element", f"<r><n>{KEPT}</n><{key}>{s}</{key}></r>"),
        ("attribute", f'<r n="{KEPT}"><a {key}="{s}"/></r>'),
        ("elements in it", f"<r><n>{KEPT}</n><{key}><value>{s}</value></{key}></r>"),
        ("CDATA", f"<r><n>{KEPT}</n><{key}>\n<![CDATA[{s}]]></{key}></r>"),
        ("pair", f'<r><n>{KEPT}</n><param name="{key}">{s}</param></r>'),
    ]


def telling(rng, s):
    """Secrets that give themselves away by their form, with nothing around them that tells."""
    jwt = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in
                   (b'{"alg":"HS256"}', b'{"sub":"%s"}' % s.encode(), s.encode()))
    pem = f"-----BEGIN PRIVATE KEY-----\n{s}\n{s[::-1]}\n-----END PRIVATE KEY-----"
    card = digits(rng)
    return [
        (f"sk_live_{s}", s), (f"rk_live_{s}", s), (f"whsec_{s}", s), (f"ghp_{s}abcdefghijklmnop", s),
        (f"github_pat_{s}", s), (f"xoxb-{s}", s), (f"glpat-{s}", s),
        (f"npm_{s}abcdefghijklmnop", s), (f"AIza{s}abcdefghijklmnop", s),
        (f"SG.{s}.{s}", s), ("AKIA" + s.upper()[:16], s.upper()[:16]), (jwt, jwt.split(".")[1]),
        (pem, s), (f"Bearer {s}", s), (f"https://me:{s}@host.example/x", s), (card, card),
        (" ".join(card[i:i + 4] for i in range(0, 16, 4)), card[:4] + " " + card[4:8]),
    ]


CODINGS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


def in_headers(rng):
    for name in HEADERS:
        s = text(rng)
        yield f"header {name}", s, Shot(fields=[(name, f"a={s}"), *JSON], body=dump({"n": KEPT}))
        s = text(rng)
        yield f"answer header {name}", s, Shot(answer_fields=[(name, s), *JSON])
    s = text(rng)
    basic = base64.b64encode(f"me:{s}".encode()).decode()
    yield "basic", s, Shot(fields=[("Authorization", f"Basic {basic}")])
    for scheme in ("Bearer ", "bearer ", "Token token=", "Digest response=", ""):
        s = text(rng)
        yield f"authorization {scheme}", s, Shot(fields=[("Authorization", scheme + s)])
    for name, value in (("Set-Cookie", "id={}; Path=/"), ("Location", "https://a.example/?token={}"),
                        ("WWW-Authenticate", "Bearer token={}"), ("Link", "<https://a/?sig={}>")):
        s = text(rng)
        yield f"answer {name}", s, Shot(answer_fields=[(name, value.format(s)), *JSON])
    s = text(rng)
    yield "referer", s, Shot(fields=[("Referer", f"https://a.example/x?access_token={s}")])


def in_urls(rng):
    for key in KEYS + QUERY_KEYS:
        s = text(rng)
        yield f"query {key}", s, Shot(f"/emails?n={KEPT}&{key}={s}", "GET")
    for query in ("{k}={h}", "data[{k}]={s}", "%70assword={s}", "a=1;token={s}", "next=%2Fx%3Ftoken%3D{s}"):
        s = text(rng)
        hexed = "".join(f"%{ord(c):02x}" for c in s)
        yield f"query {query}", s, Shot(
            "/emails?" + query.format(k="token", s=s, h=hexed), "GET", kept=False)
    for i in range(6):
        s = text(rng, 35)
        token = f"{rng.randrange(10**8, 10**9)}:{s}"
        method = ["sendMessage", "getMe", "test/sendPhoto", "no/such", "SENDMESSAGE", "%67etMe"][i]
        bot = ["bot", "bot", "bot", "bot", "bot", "%62ot"][i]
        yield f"path {bot}{method}", s, Shot(
            f"/{bot}{token}/{method}", host="api.telegram.org", fields=JSON,
            body=dump({"text": KEPT, "chat_id": 1}), answer=dump({"ok": True, "result": KEPT}))
    s = text(rng, 35)
    token = f"123456789:{s}"
    for target in (f"/bot/{token}/getMe", f"/bot/{token}", f"/file/bot/{token}/a.jpg", f"/bot{token}"):
        yield f"path {target.replace(token, '')}", s, Shot(target, "GET", "api.telegram.org")
    short = text(rng, 14)  # too short for the form
    for target in (f"/bot123:{short}/getMe", f"/bot/123:{short}/getMe"):
        yield f"short {target.replace(short, '')}", short, Shot(target, "GET", "api.telegram.org")
    yield "path of a file", s, Shot(f"/file/bot{token}/a.jpg", "GET", "api.telegram.org")
    s = text(rng)
    yield "apiKey of mobizon", s, Shot(
        f"/service/message/sendsmsmessage?apiKey={s}", "POST", "api.mobizon.kz", FORM,
        f"text={KEPT}".encode(), dump({"code": 0, "data": {}}))


def _each(rng, make, key):
    """Every body of make, each with a secret of its own."""
    for i in range(len(make(key, ""))):
        s = text(rng)
        name, body = make(key, s)[i]
        yield name, key, s, body


def in_typed_bodies(rng, side, key):
    for i in range(len(multipart_bodies(key, ""))):
        s = text(rng)
        name, kind, body, kept = multipart_bodies(key, s)[i]
        yield f"{side} multipart {name} {key}", s, _typed(side, kind, body, kept)
    for i in range(len(wide_bodies(key, ""))):
        s = text(rng)
        name, kind, body = wide_bodies(key, s)[i]
        yield f"{side} {name} {key}", s, _typed(side, kind, body, False)


def _typed(side, kind, body, kept):
    fields = [("Content-Type", kind)]
    return (Shot(fields=fields, body=body, kept=kept) if side == "request" else
            Shot(answer=body, answer_fields=fields, kept=kept))


def in_bodies(rng):
    keys = iter(KEYS * 20)
    for side in ("request", "answer"):
        for _ in range(5):
            for name, key, s, body in _each(rng, json_bodies, next(keys)):
                # beyond what is kept, or unreadable: nothing of it need be shown
                kept = name not in ("cut short", CUT_WITHIN, "cut behind the secret", "base64 of JSON", "UTF-16")
                shot = Shot(fields=JSON, body=body, kept=kept) if side == "request" else Shot(
                    answer=body, kept=kept)
                yield f"{side} JSON {name} {key}", s[:-CUT_BYTES] if name == CUT_WITHIN else s, shot
    for side in ("request", "answer"):
        for key in KEYS:
            s = text(rng)
            body = dump({"note": KEPT, "list": [{key: s}]})
            shot = Shot(fields=JSON, body=body) if side == "request" else Shot(answer=body)
            yield f"{side} JSON key {key}", s, shot
    for _ in range(4):
        for name, key, s, body in _each(rng, form_bodies, next(keys)):
            yield f"form {name} {key}", s, Shot(fields=FORM, body=body.encode())
    for side in ("request", "answer"):
        yield from in_typed_bodies(rng, side, next(keys))
    for side in ("request", "answer"):
        for key in KEYS[:12]:
            for name, key, s, body in _each(rng, xml_bodies, key):
                kind = [("Content-Type", "application/xml")]
                yield f"{side} XML {name} {key}", s, (
                    Shot(fields=kind, body=body.encode()) if side == "request" else
                    Shot(answer=body.encode(), answer_fields=kind))
    for side in ("request", "answer"):
        for coding, code in CODINGS.items():
            s = text(rng)
            body = code(dump({"password": s, "note": f"{KEPT} {s}"}))
            fields = [("Content-Encoding", coding), *JSON]
            yield f"{side} {coding}", s, (
                Shot(fields=fields, body=body) if side == "request" else
                Shot(answer=body, answer_fields=fields))


def by_form(rng):
    for side in ("request", "answer"):
        for kind in ("text/plain", "application/json", "text/html"):
            for i in range(len(telling(rng, ""))):
                value, core = telling(rng, text(rng, 32))[i]
                body = (dump({"note": f"{KEPT} {value} and so on"}) if "json" in kind else
                        f"{KEPT} {value} and so on".encode())
                fields = [("Content-Type", kind)]
                yield f"{side} {kind} {value[:6]}", core, (
                    Shot(fields=fields, body=body) if side == "request" else
                    Shot(answer=body, answer_fields=fields))


def echoed(rng):
    """The answer repeats what the request has kept secret."""
    for status in (200, 400, 401, 500):
        for name, make in (
            ("header", lambda s: {"fields": [("Authorization", f"Bearer {s}")]}),
            ("cookie", lambda s: {"fields": [("Cookie", f"sid={s}; a=b")]}),
            ("query", lambda s: {"target": f"/emails?token={s}"}),
            ("body", lambda s: {"fields": JSON, "body": dump({"password": s})}),
        ):
            for kind, page in (
                ("application/json", '{{"name":"bad","message":"{k}: {s} is wrong"}}'),
                ("text/html", "<html><title>{k} {s} refused</title><p>{s}</html>"),
                ("text/plain", "{k} {s}"),
            ):
                s = text(rng)
                yield f"{status} {kind} echoes the {name}", s, Shot(
                    **make(s), status=status, answer_fields=[("Content-Type", kind)],
                    answer=page.format(s=s, k=KEPT).encode())


def all_shots(seed):
    rng = random.Random(seed)
    for source in (in_headers, in_urls, in_bodies, by_form, echoed):
        yield from source(rng)
