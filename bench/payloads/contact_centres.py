"""The fullest events of contact centres: long lists of parties, participants and queues."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from bench.payloads.made_up import CALLER, DIALLED, GROUP, NAME, extra, iso, uid


def ringcentral(at: datetime) -> dict[str, Any]:
    """Make a notification of a call that a queue offers to 20 agents."""

    def party(i: int) -> dict[str, Any]:
        return {
            "accountId": "809646016",
            "id": f"p-a0d17e323ed8fz1977e9d0ae9z1fe5060000-{i}",
            "extensionId": str(62264425016 + i),
            "direction": "Inbound",
            "from": {"phoneNumber": CALLER, "name": NAME, "deviceId": ""},
            "to": {
                "phoneNumber": DIALLED,
                "name": "Sales",
                "extensionId": "62264400016",
                "deviceId": "802636634016",
            },
            "status": {"code": "Proceeding", "rcc": False},
            "missedCall": False,
            "standAlone": False,
            "muted": False,
            "queueCall": True,
            "conferenceRole": "Participant",
            "uiCallInfo": {
                "primary": {"type": "QueueName", "value": "Sales"},
                "additional": {"type": "CallerIdName", "value": NAME},
            },
        }

    return {
        "uuid": uid(1),
        "event": "/restapi/v1.0/account/809646016/telephony/sessions",
        "timestamp": iso(at),
        "subscriptionId": uid(2),
        "ownerId": "62264425016",
        "body": {
            "sequence": 7,
            "sessionId": "1160271560016",
            "telephonySessionId": "s-a0d17e323ed8fz1977e9d0ae9z1fe5060000",
            "serverId": "10.13.23.227.TAM",
            "eventTime": iso(at),
            "accountId": "809646016",
            "origin": {"type": "Call"},
            "parties": [party(i) for i in range(GROUP)],
        },
    }


def genesys(at: datetime) -> dict[str, Any]:
    """Make the whole conversation of a call that went through 3 queues to 4 agents."""

    def participant(i: int, purpose: str, state: str, **more: Any) -> dict[str, Any]:
        return {
            "id": uid(i),
            "startTime": iso(at),
            "connectedTime": iso(at),
            **({"endTime": iso(at)} if state == "terminated" else {}),
            "purpose": purpose,
            "state": state,
            "direction": "inbound",
            "disconnectType": "transfer" if state == "terminated" else None,
            "held": False,
            "wrapupRequired": purpose == "agent",
            "wrapupPrompt": "mandatory",
            "wrapupTimeoutMs": 120000,
            "mediaRoles": ["full"],
            "muted": False,
            "confined": False,
            "recording": True,
            "recordingState": "active",
            "recordersState": {"adhocState": "none"},
            "securePause": False,
            "ani": f"tel:{CALLER}",
            "dnis": f"tel:{DIALLED}",
            "address": f"tel:{CALLER}",
            "name": NAME,
            "provider": "Edge",
            "peer": uid(100 + i),
            "initialState": state,
            "alertingTimeoutMs": 8000,
            "flaggedReason": None,
            "conversationRoutingData": {
                "queue": {"id": uid(50)},
                "language": {"id": uid(51)},
                "priority": 50,
                "skills": [{"id": uid(52)}, {"id": uid(53)}],
                "scoredAgents": [],
            },
            **more,
        }

    queue = {"id": uid(50)}
    parts = [
        participant(1, "customer", "connected", attributes=extra(30)),
        participant(2, "ivr", "terminated"),
    ]
    parts += [participant(10 + i, "acd", "terminated", queue=queue) for i in range(3)]
    for i in range(4):
        state = "connected" if i == 3 else "terminated"
        user = {"id": uid(60 + i), "name": f"Agent {i}"}
        parts.append(participant(20 + i, "agent", state, queue=queue, user=user))
    parts.append(participant(30, "voicemail", "terminated"))
    topic = f"v2.routing.queues.{uid(50)}.conversations.calls"
    body = {
        "id": uid(0),
        "participants": parts,
        "otherMediaUris": [],
        "recordingState": "active",
        "address": f"tel:{DIALLED}",
        "utilizationLabelId": uid(54),
        "divisions": [{"division": {"id": uid(55)}, "entities": [queue]}],
    }
    return {
        **_aws(at, topic, f"aws.partner/genesys.com/cloud/{uid(56)}/pop"),
        "detail": {
            "topicName": topic,
            "version": "2",
            "timestamp": iso(at),
            "eventBody": body,
            "metadata": {"CorrelationId": uid(57)},
        },
    }


def _aws(at: datetime, kind: str, source: str) -> dict[str, Any]:
    return {
        "version": "0",
        "id": uid(90),
        "detail-type": kind,
        "source": source,
        "account": "123456789012",
        "time": iso(at),
        "region": "eu-west-2",
        "resources": [],
    }


def amazon_connect(at: datetime) -> dict[str, Any]:
    """Make the agent event of an agent with 20 queues and 3 contacts, before and after."""
    instance = f"arn:aws:connect:eu-west-2:123456789012:instance/{uid(1)}"

    def queue(i: int) -> dict[str, str]:
        return {"ARN": f"{instance}/queue/{uid(10 + i)}", "Name": f"Sales {i}"}

    def contact(i: int, state: str) -> dict[str, Any]:
        return {
            "ContactId": uid(40 + i),
            "InitialContactId": uid(50 + i),
            "Channel": "VOICE",
            "InitiationMethod": "INBOUND",
            "State": state,
            "StateStartTimestamp": iso(at),
            "ConnectedToAgentTimestamp": iso(at),
            "QueueTimestamp": iso(at),
            "Queue": queue(i),
        }

    def snapshot(state: str) -> dict[str, Any]:
        available = ["VOICE", "CHAT", "TASK", "EMAIL"]
        concurrency = [
            {
                "Channel": channel,
                "AvailableSlots": 1,
                "MaximumSlots": 5,
                "CrossChannelBehavior": {"BehaviorType": "ROUTE_CURRENT_CHANNEL_ONLY"},
            }
            for channel in available
        ]
        return {
            "AgentStatus": {
                "ARN": f"{instance}/agent-state/{uid(2)}",
                "Name": "Available",
                "StartTimestamp": iso(at),
                "Type": "ROUTABLE",
            },
            "NextAgentStatus": None,
            "Configuration": {
                "AgentHierarchyGroups": {
                    f"Level{i}": {"ARN": f"{instance}/agent-group/{uid(3)}", "Name": f"Team {i}"}
                    for i in range(1, 6)
                },
                "FirstName": "Ada",
                "LastName": "Lovelace",
                "Username": "ada",
                "Proficiencies": [
                    {"Name": f"connect:Language {i}", "Value": "French", "ProficiencyLevel": 5.0}
                    for i in range(10)
                ],
                "RoutingProfile": {
                    "ARN": f"{instance}/routing-profile/{uid(4)}",
                    "Name": "Sales",
                    "Concurrency": concurrency,
                    "DefaultOutboundQueue": queue(0),
                    "InboundQueues": [{**queue(i), "Channels": available} for i in range(20)],
                },
            },
            "Contacts": [contact(i, state) for i in range(3)],
        }

    return {
        "AWSAccountId": "123456789012",
        "AgentARN": f"{instance}/agent/{uid(5)}",
        "CurrentAgentSnapshot": snapshot("CONNECTED"),
        "PreviousAgentSnapshot": snapshot("CONNECTING"),
        "EventId": uid(6),
        "EventTimestamp": iso(at),
        "EventType": "STATE_CHANGE",
        "InstanceARN": instance,
        "Version": "2019-05-25",
    }


_TASK: dict[str, Any] = {
    "from": CALLER,
    "to": DIALLED,
    "caller": CALLER,
    "called": DIALLED,
    "name": NAME,
    "call_sid": "CA" + "1" * 32,
    "account_sid": "AC" + "0" * 32,
    "api_version": "2010-04-01",
    "call_status": "ringing",
    "direction": "inbound",
    "type": "inbound",
    "from_country": "GB",
    "from_city": "LONDON",
    "from_state": "",
    "from_zip": "",
    "caller_country": "GB",
    "caller_city": "LONDON",
    "caller_state": "",
    "caller_zip": "",
    "to_country": "GB",
    "to_city": "",
    "to_state": "",
    "to_zip": "",
    "called_country": "GB",
    "called_city": "",
    "called_state": "",
    "called_zip": "",
    "digits": "100234",
    "conversations": {"conversation_id": "WT" + "4" * 32, "outcome": None, "queue": "sales"},
    "customers": {"external_id": "C-100", "name": NAME, "phone": CALLER, "email": "a@example.com"},
    "conference": {"sid": "CF" + "5" * 32, "participants": {"worker": "CA", "customer": "CA"}},
    **extra(30),
}
_WORKER: dict[str, Any] = {
    "contact_uri": "client:ada",
    "email": "ada@example.com",
    "full_name": "Ada Lovelace",
    "image_url": "https://pop.example.com/ada.png",
    "roles": ["agent", "wfo.full_access"],
    "routing": {"skills": ["sales", "french", "orders"], "levels": {"sales": 5, "french": 3}},
    **extra(10),
}


def taskrouter(at: datetime) -> dict[str, str]:
    """Make a reservation's event with long attributes, as a Flex project has them."""
    seconds = int(at.timestamp())
    return {
        "AccountSid": "AC" + "0" * 32,
        "EventType": "reservation.created",
        "EventDescription": "Reservation WR created for Task WT",
        "ResourceType": "reservation",
        "ResourceSid": "WR" + "1" * 32,
        "Sid": "EV" + "2" * 32,
        "Timestamp": str(seconds),
        "TimestampMs": str(seconds * 1000),
        "WorkspaceSid": "WS" + "0" * 32,
        "WorkspaceName": "Flex Task Assignment",
        "OperatingUnitSid": "OU" + "0" * 32,
        "TaskSid": "WT" + "4" * 32,
        "TaskAttributes": orjson.dumps(_TASK).decode(),
        "TaskAge": "4",
        "TaskDateCreated": str(seconds - 4),
        "TaskVersion": "1",
        "TaskPriority": "50",
        "TaskAssignmentStatus": "reserved",
        "TaskChannelSid": "TC" + "0" * 32,
        "TaskChannelUniqueName": "voice",
        "TaskQueueSid": "WQ" + "0" * 32,
        "TaskQueueName": "sales",
        "TaskQueueTargetExpression": "routing.skills HAS 'sales' AND routing.skills HAS 'french'",
        "TaskQueueEntered": str(seconds - 3),
        "WorkflowSid": "WW" + "0" * 32,
        "WorkflowName": "Assign to Anyone",
        "WorkflowFilterName": "sales",
        "ReservationSid": "WR" + "1" * 32,
        "ReservationStatus": "pending",
        "ReservationVersion": "0",
        "WorkerSid": "WK" + "0" * 32,
        "WorkerName": "ada",
        "WorkerAttributes": orjson.dumps(_WORKER).decode(),
        "WorkerActivitySid": "WA" + "0" * 32,
        "WorkerActivityName": "Available",
        "WorkerPreviousActivitySid": "WA" + "1" * 32,
        "WorkerTimeInPreviousActivity": "60",
        "WorkerVersion": "7",
    }
