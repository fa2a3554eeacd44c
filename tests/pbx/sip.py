"""What phones and callers say, as SIPp scenarios made of steps."""

from __future__ import annotations

_SDP = """v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a={mode}
"""
_OWN = "Contact: <sip:[service]@[local_ip]:[local_port]>\nMax-Forwards: 70\n"


def scenario(*steps: str) -> str:
    """Join steps to a scenario."""
    body = "".join(steps)
    if REMEMBER_THE_CALLER in body:
        # SIPp refuses a variable that is never used.
        body += '<Reference variables="caller,own"/>'
    return f'<?xml version="1.0" encoding="us-ascii"?><scenario name="s">{body}</scenario>'


def pause(ms: int) -> str:
    """Let time pass, as between people."""
    return f'<pause milliseconds="{ms}"/>'


def if_it_replaces_a_call(otherwise: str, then: str) -> str:
    """Wait for an INVITE and go on in one of two ways: does it replace another call (RFC 3891)?"""
    look = '<ereg regexp=".+" search_in="hdr" header="Replaces:" assign_to="replaces"/>'
    return (
        f'<recv request="INVITE" rrs="true" next="1" test="replaces"><action>{look}</action></recv>'
        f'{otherwise}<nop next="2"/><label id="1"/>{then}<label id="2"/>'
    )


def expect(method: str, *, optional: bool = False, more: str = "") -> str:
    """Wait for a request."""
    flag = ' optional="true"' if optional else ""
    return f'<recv request="{method}" rrs="true"{flag}>{more}</recv>'


def got(status: int, *, optional: bool = False) -> str:
    """Wait for an answer."""
    flag = ' optional="true"' if optional else ""
    return f'<recv response="{status}" rrs="true"{flag}/>'


def answer(status: str, sdp: str | None = None) -> str:
    """Answer the request that came last; `sdp` is sendrecv, sendonly or recvonly."""
    return _send(
        f"SIP/2.0 {status}\n[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]p[call_number]\n"
        f"[last_Call-ID:]\n[last_CSeq:]\n[last_Record-Route:]\n{_OWN}",
        sdp,
    )


def answer_within(status: str, sdp: str | None = None) -> str:
    """Answer a request of a call that goes on: its To has its tag already."""
    return _send(
        f"SIP/2.0 {status}\n[last_Via:]\n[last_From:]\n[last_To:]\n"
        f"[last_Call-ID:]\n[last_CSeq:]\n[last_Record-Route:]\n{_OWN}",
        sdp,
    )


# The caller: From is [from], and [uri] is called.

INVITE = """INVITE sip:[uri] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: [from];tag=[pid]c[call_number]
To: <sip:[uri]>
Call-ID: [call_id]
CSeq: 1 INVITE
P-Asserted-Identity: <sip:[asserted]@trunk.example>
Privacy: [privacy]
"""


def call(more: str = "") -> str:
    """Send an INVITE, with more headers."""
    return _send(INVITE + more + _OWN, "sendrecv", retrans=True)


def caller_says(method: str, cseq: int, more: str = "", body: str = "") -> str:
    """Send a request within the caller's call."""
    return _send(
        f"{method} [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];"
        f"branch=[branch]\n[routes]\nFrom: [from];tag=[pid]c[call_number]\n"
        f"To: <sip:[uri]>[peer_tag_param]\nCall-ID: [call_id]\nCSeq: {cseq} {method}\n{more}{_OWN}",
        raw=body,
        retrans=method != "ACK",
    )


CANCEL = """<send retrans="500"><![CDATA[
CANCEL sip:[uri] SIP/2.0
[last_Via:]
From: [from];tag=[pid]c[call_number]
To: <sip:[uri]>
Call-ID: [call_id]
CSeq: 1 CANCEL
Max-Forwards: 70
Content-Length: 0

]]></send>"""
ACK_OF_REFUSAL = """<send><![CDATA[
ACK sip:[uri] SIP/2.0
[last_Via:]
From: [from];tag=[pid]c[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>"""

# The agent's phone, [service] being its extension: it is called, so From and To change places.

REMEMBER_THE_CALLER = """<action>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="caller"/>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="own"/>
</action>"""

# The INVITE is answered after its CANCEL, and through the PBX.
REMEMBER_THE_WAY = """<action>
<ereg regexp=".*" search_in="hdr" header="Via:" occurrence="1" assign_to="via1"/>
<ereg regexp=".*" search_in="hdr" header="Via:" occurrence="2" assign_to="via2"/>
</action>"""
ANSWER_487 = """<send><![CDATA[
SIP/2.0 487 Request Terminated
Via:[$via1]
Via:[$via2]
[last_From:]
[last_To:];tag=[pid]p[call_number]
[last_Call-ID:]
CSeq: 1 INVITE
Content-Length: 0

]]></send>"""

# What a caller does who is transferred.
LOG_REFER_TO = """<action>
<ereg regexp="sip:[^&gt;]*" search_in="hdr" header="Refer-To:" assign_to="to"/>
<log message="[$to]"/>
</action>"""
SIPFRAG = (
    "Event: refer\nSubscription-State: terminated;reason=noresource\n"
    "Content-Type: message/sipfrag;version=2.0\n"
)


def address(logged: str) -> str:
    """Return what the scenario logged as Refer-To, without its scheme."""
    return logged.strip().removeprefix("sip:")


def phone_says(method: str, cseq: int, sdp: str | None = None, more: str = "") -> str:
    """Send a request within a call that the phone answered and remembers."""
    return _send(
        f"{method} [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];"
        f"branch=[branch]\n[routes]\nFrom:[$own];tag=[pid]p[call_number]\nTo:[$caller]\n"
        f"Call-ID: [call_id]\nCSeq: {cseq} {method}\n{more}{_OWN}",
        sdp,
        retrans=method != "ACK",
    )


REGISTER = """REGISTER sip:127.0.0.1 SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[service]@127.0.0.1>;tag=[pid]r[call_number]
To: <sip:[service]@127.0.0.1>
Call-ID: [call_id]
CSeq: 1 REGISTER
Contact: <sip:[service]@127.0.0.1:[phone_port]>
Expires: 300
Max-Forwards: 70
"""


def register() -> str:
    """Say where the phone is: at [phone_port]."""
    return _send(REGISTER, retrans=True) + got(200)


def _send(head: str, sdp: str | None = None, raw: str = "", *, retrans: bool = False) -> str:
    if sdp:
        raw = _SDP.format(mode=sdp)
        head += "Content-Type: application/sdp\n"
    flag = ' retrans="500"' if retrans else ""
    return f"<send{flag}><![CDATA[\n{head}Content-Length: [len]\n\n{raw}]]></send>"
