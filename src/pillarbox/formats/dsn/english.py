"""What reports say in English: all of it, and nothing else.

Explanations are keyed by subject and detail of the enhanced status code (RFC 3463 §3 and the
registry of RFC 5248 §2.4), by a word for what replies say in clear only, and by the stage an
attempt came to. `words.explain` chooses among them.
"""

from types import MappingProxyType
from typing import Final

from pillarbox.formats.dsn.catalogue import Explanation, Words
from pillarbox.formats.dsn.model import Action

_SPELLING = "Check the spelling of the address and send the message again."
_ANOTHER_WAY = (
    "If it is right, ask the recipient in another way (by telephone, say) which address they use."
)
_LATER = "Send the message again later."
_THEIR_SIDE = (
    "This has to be put right on the recipient's side. Send the message again later, or reach the "
    "recipient in another way and tell them of it."
)
_OUR_SIDE = "This has to be put right by those who run your mail server."
_SMALLER = (
    "Send fewer or smaller attachments, or put the files where the recipient can fetch them and "
    "send a link."
)

_EXPLANATIONS: Final[dict[str, Explanation]] = {
    # Addresses
    "1.0": Explanation(
        "Their mail server does not accept mail for this address.", f"{_SPELLING} {_ANOTHER_WAY}"
    ),
    "1.1": Explanation(
        "There is no such address: their mail server knows no mailbox of that name.",
        "Check the spelling of the address, above all what stands before the @, and send the "
        f"message again. {_ANOTHER_WAY}",
    ),
    "1.2": Explanation(
        "There is no such domain, or none that takes mail: {domain}.",
        "Check the spelling of what stands behind the @ in the address, and send the message "
        f"again. {_ANOTHER_WAY}",
    ),
    "1.3": Explanation(
        "The address is not written in a way that their mail server understands.", _SPELLING
    ),
    "1.4": Explanation(
        "The address could mean several people, and their mail server does not know which.",
        "Ask the recipient for an address that is only theirs.",
    ),
    "1.6": Explanation(
        "The recipient has moved, and left no address to send mail on to.",
        "Ask the recipient in another way for their new address.",
    ),
    "1.7": Explanation(
        "Their mail server does not accept the way your own address is written.",
        "Check the sender address in the settings of your mail program. If it is right, tell your "
        "admin.",
        admin=True,
    ),
    "1.8": Explanation(
        "Their mail server could not find the domain of your own address, or does not accept it.",
        "Check the sender address in the settings of your mail program. If it is right, tell your "
        "admin.",
        admin=True,
    ),
    "1.10": Explanation(
        "The domain {domain} takes no mail at all, and says so.",
        "Check the spelling of what stands behind the @ in the address. If it is right, reach the "
        "recipient in another way.",
    ),
    # Mailboxes
    "2.0": Explanation("Something is wrong with the recipient's mailbox.", _THEIR_SIDE),
    "2.1": Explanation(
        "The recipient's mailbox is disabled: it takes no mail at present.",
        "Reach the recipient in another way, and ask which address they use now.",
    ),
    "2.2": Explanation(
        "The recipient's mailbox is full.",
        "Reach the recipient in another way and tell them of it, or send the message again in a "
        "few days.",
    ),
    "2.3": Explanation(
        "The message is larger than the recipient's mailbox accepts.",
        _SMALLER,
    ),
    "2.4": Explanation(
        "The address is a mailing list, and their mail server can't reach its members.",
        "Tell whoever looks after the list, or write to its members directly.",
    ),
    # Mail systems
    "3.0": Explanation("Their mail server has a problem of its own.", _THEIR_SIDE),
    "3.1": Explanation("Their mail server has no room left for mail.", _THEIR_SIDE),
    "3.2": Explanation("Their mail server takes no mail at present.", _THEIR_SIDE),
    "3.3": Explanation(
        "The message needs something that their mail server is not capable of.",
        "Send it in a simpler form: as plain text, without special characters in addresses.",
    ),
    "3.4": Explanation("The message is larger than their mail server accepts.", _SMALLER),
    "3.5": Explanation("Their mail server is not set up as it should be.", _THEIR_SIDE),
    # Network and routing
    "4.0": Explanation("Their mail server could not be reached.", _THEIR_SIDE),
    "4.1": Explanation(
        "No mail server of {domain} answers.",
        "Check the spelling of what stands behind the @ in the address. If it is right, their "
        "server is out of order: send the message again later, or reach the recipient in another "
        "way.",
    ),
    "4.2": Explanation(
        "The connection to their mail server broke off before the message was handed over.",
        f"{_LATER} If it fails again, tell your admin.",
        admin=True,
    ),
    "4.3": Explanation(
        "It could not be found out where mail for {domain} has to go: the name servers that "
        "should know do not answer, or not properly.",
        "Check the spelling of what stands behind the @ in the address. If it is right, send the "
        "message again later.",
    ),
    "4.4": Explanation(
        "There is no way to a mail server of {domain}.",
        "Check the spelling of what stands behind the @ in the address. If it is right, the domain "
        f"is not set up for mail. {_THEIR_SIDE}",
    ),
    "4.5": Explanation("Their mail server has too much to do at present.", _LATER),
    "4.6": Explanation(
        "The message went in circles between mail servers.",
        f"An address forwards to itself, or a domain is not set up right. {_OUR_SIDE}",
        admin=True,
    ),
    "4.7": Explanation("The time for delivering the message was up.", _LATER),
    # The protocol
    "5.0": Explanation(
        "Their mail server and ours did not understand each other.", _OUR_SIDE, admin=True
    ),
    "5.1": Explanation(
        "Their mail server refused a step that sending needs.", _OUR_SIDE, admin=True
    ),
    "5.2": Explanation(
        "Their mail server and ours did not understand each other.", _OUR_SIDE, admin=True
    ),
    "5.3": Explanation(
        "The message has more recipients than their mail server takes at once.",
        "Send it to fewer people at a time.",
    ),
    "5.4": Explanation(
        "Their mail server and ours did not understand each other.", _OUR_SIDE, admin=True
    ),
    "5.5": Explanation(
        "Their mail server speaks another version of the protocol.", _OUR_SIDE, admin=True
    ),
    # Content
    "6.0": Explanation(
        "Their mail server does not accept something in the message.",
        "Send it in a simpler form: as plain text, with fewer attachments.",
    ),
    "6.1": Explanation(
        "Their mail server does not accept this kind of content.",
        "Send it in a simpler form, or an attachment in another format.",
    ),
    "6.2": Explanation(
        "The message would have to be converted for their mail server, and that is not allowed.",
        "Send it in a simpler form: as plain text, without special characters in addresses.",
    ),
    "6.3": Explanation(
        "The message would have to be converted for their mail server, and can't be.",
        "Send it in a simpler form: as plain text, without special characters in addresses.",
    ),
    "6.5": Explanation(
        "The message could not be converted into what their mail server takes.",
        "Send it in a simpler form: as plain text, without special characters in addresses.",
    ),
    "6.6": Explanation(
        "The content of the message could no longer be read.",
        "Send the message again. If it fails again, tell your admin.",
        admin=True,
    ),
    "6.7": Explanation(
        "Their mail server takes no addresses with other letters than a to z.",
        "Ask the recipient for an address of plain letters, and use one yourself as the sender.",
    ),
    "6.9": Explanation(
        "Their mail server takes no message whose header has other letters than plain ones.",
        "Use addresses of plain letters only, for yourself and for all recipients.",
    ),
    # Security and policy
    "7.0": Explanation(
        "Their mail server refused the message by its rules.",
        "What it said (below) may tell more. If it makes no sense to you, tell your admin.",
        admin=True,
    ),
    "7.1": Explanation(
        "Their mail server does not allow this message: the recipient may take no mail from you, "
        "or from outside at all, or it does not accept mail from our server.",
        "What it said (below) may tell more. If it makes no sense to you, tell your admin.",
        admin=True,
    ),
    "7.2": Explanation(
        "You are not allowed to write to this mailing list.",
        "Join the list, or ask whoever looks after it.",
    ),
    "7.3": Explanation(
        "The message would have to be made less secure for their mail server, and was not.",
        _OUR_SIDE,
        admin=True,
    ),
    "7.4": Explanation(
        "The message asks for a protection that their mail server does not have.",
        "Send it without asking for that protection, or reach the recipient in another way.",
        admin=True,
    ),
    "7.5": Explanation(
        "A protected connection to their mail server could not be made.", _OUR_SIDE, admin=True
    ),
    "7.6": Explanation(
        "A protected connection to their mail server could not be made.", _OUR_SIDE, admin=True
    ),
    "7.7": Explanation(
        "Their mail server found that the message was changed on its way.", _OUR_SIDE, admin=True
    ),
    "7.8": Explanation(
        "The server that our mail has to go through did not accept our user name and password.",
        _OUR_SIDE,
        admin=True,
    ),
    "7.9": Explanation(
        "The server that our mail has to go through wants another way of signing in.",
        _OUR_SIDE,
        admin=True,
    ),
    "7.10": Explanation(
        "Their mail server takes mail over encrypted connections only.", _OUR_SIDE, admin=True
    ),
    "7.11": Explanation(
        "The server that our mail has to go through takes passwords over encrypted connections "
        "only.",
        _OUR_SIDE,
        admin=True,
    ),
    "7.13": Explanation(
        "The account has been disabled.",
        "Reach the recipient in another way, and ask which address they use now.",
    ),
    "7.14": Explanation(
        "Their mail server takes mail only from servers it has an agreement with.",
        _OUR_SIDE,
        admin=True,
    ),
    "7.15": Explanation("Their mail server takes only urgent mail at present.", _LATER),
    "7.16": Explanation(
        "Their mail server takes only small messages at present.", f"{_SMALLER} Or wait a while."
    ),
    "7.17": Explanation(
        "The address now belongs to somebody else than it used to.",
        "Ask the recipient in another way for their present address.",
    ),
    "7.18": Explanation(
        "The domain {domain} now belongs to somebody else than it used to.",
        "Ask the recipient in another way for their present address.",
    ),
    "7.19": Explanation(
        "Their mail server can't tell whether the address still belongs to the same person.",
        "Ask the recipient in another way for their present address.",
    ),
    "7.20": Explanation(
        "Their mail server wants messages with a valid DKIM signature, and found none.",
        _OUR_SIDE,
        admin=True,
    ),
    "7.21": Explanation(
        "Their mail server found no DKIM signature in the message that it accepts.",
        _OUR_SIDE,
        admin=True,
    ),
    "7.22": Explanation(
        "Their mail server found no DKIM signature that belongs to the sender's address.",
        _OUR_SIDE,
        admin=True,
    ),
    "7.23": Explanation(
        "By the records of your domain (SPF) our server may not send mail for it, so their mail "
        "server refused the message.",
        _OUR_SIDE,
        admin=True,
    ),
    "7.24": Explanation(
        "Their mail server could not make sense of the records of your domain (SPF).",
        _OUR_SIDE,
        admin=True,
    ),
    "7.25": Explanation(
        "The name of our server does not fit its network address (reverse DNS), so their mail "
        "server refused the message.",
        _OUR_SIDE,
        admin=True,
    ),
    "7.26": Explanation(
        "Their mail server could not make sure that the message is really yours (SPF, DKIM and "
        "DMARC).",
        _OUR_SIDE,
        admin=True,
    ),
    "7.27": Explanation(
        "The domain of your own address says that it takes no mail, so their mail server takes "
        "none from it.",
        _OUR_SIDE,
        admin=True,
    ),
    "7.28": Explanation(
        "Their mail server found that too much mail came at once, from you or from our server.",
        "Wait a few hours, then send to fewer people at a time.",
        admin=True,
    ),
    "7.29": Explanation(
        "Their mail server found that the message was changed where it was forwarded (ARC).",
        _OUR_SIDE,
        admin=True,
    ),
    "7.30": Explanation(
        "The message may go only over protected connections all the way (REQUIRETLS), and their "
        "mail server does not promise that.",
        "Send it without that demand, or reach the recipient in another way.",
    ),
    # What replies say in words only
    "blocked": Explanation(
        "Their mail server does not accept mail from our server: it stands on a list of senders "
        "that are blocked.",
        "You can do nothing about it yourself: tell your admin. Until it is put right, reach the "
        "recipient in another way.",
        admin=True,
    ),
    "spam": Explanation(
        "Their mail server takes the message for spam.",
        "Word it differently, with fewer links and attachments, and send it again. If you write to "
        "the recipient often, ask them to put your address on their list of trusted senders.",
        admin=True,
    ),
    "virus": Explanation(
        "Their mail server found something dangerous in the message, or an attachment of a kind "
        "that it never accepts.",
        "Check your attachments, and your computer, for viruses. If there are none, put the files "
        "where the recipient can fetch them and send a link.",
    ),
    "greylisted": Explanation(
        "Their mail server lets senders it does not know yet wait for a while.", _LATER
    ),
    "rate": Explanation(
        "Their mail server takes only so much mail at a time from one sender.",
        "Wait a few hours, then send to fewer people at a time.",
    ),
    "relay": Explanation(
        "The mail server of {domain} says that this domain is none of its own.",
        "Check the spelling of what stands behind the @ in the address. If it is right, the domain "
        f"is not set up right. {_THEIR_SIDE}",
    ),
    "suppressed": Explanation(
        "Nothing is sent to this address from here: it is on our list of addresses that refused "
        "mail before, or asked for none.",
        "If you are sure that it takes your mail, ask your admin to take it off that list.",
        admin=True,
    ),
    # Stages, where nothing else is known
    "route": Explanation(
        "Our server found no way to send mail to {domain}.", _OUR_SIDE, admin=True
    ),
    "dns": Explanation(
        "It could not be found out where mail for {domain} has to go.",
        "Check the spelling of what stands behind the @ in the address. If it is right, send the "
        "message again later.",
    ),
    "connect": Explanation(
        "No mail server of {domain} answers.",
        "Check the spelling of what stands behind the @ in the address. If it is right, their "
        "server is out of order: send the message again later, or reach the recipient in another "
        "way.",
    ),
    "greeting": Explanation("Their mail server takes no mail from ours.", _THEIR_SIDE, admin=True),
    "ehlo": Explanation("Their mail server takes no mail from ours.", _THEIR_SIDE, admin=True),
    "tls": Explanation(
        "The connection to their mail server could not be protected in the way their domain (or "
        "ours) demands, and the message was not sent without that protection.",
        "Nothing is wrong with your message or the address. Most often their mail server has a "
        "certificate that ran out. Reach the recipient in another way, and tell your admin.",
        admin=True,
    ),
    "auth": Explanation(
        "The server that our mail has to go through did not let us sign in.", _OUR_SIDE, admin=True
    ),
    "mail": Explanation(
        "Their mail server does not accept you as the sender.",
        "What it said (below) may tell more. If it makes no sense to you, tell your admin.",
        admin=True,
    ),
    "rcpt": Explanation(
        "Their mail server does not accept mail for this address.", f"{_SPELLING} {_ANOTHER_WAY}"
    ),
    "data": Explanation(
        "Their mail server did not accept the message.",
        "What it said (below) may tell more. If it makes no sense to you, tell your admin.",
        admin=True,
    ),
    "content": Explanation(
        "Their mail server did not accept the message after it had read it.",
        "What it said (below) may tell more. If it makes no sense to you, tell your admin.",
        admin=True,
    ),
    "local": Explanation(
        "The message could not be put into the recipient's mailbox here.",
        "Send the message again later. If it fails again, tell your admin.",
        admin=True,
    ),
    "queue": Explanation(
        "The delivery was ended before it succeeded.",
        "Send the message again. If it fails again, tell your admin.",
        admin=True,
    ),
}

_CLASSES: Final[dict[str, Explanation]] = {
    "4": Explanation(
        "Their mail server could not take the message for the time being.", _THEIR_SIDE
    ),
    "5": Explanation(
        "Their mail server refused the message.",
        "What it said (below) may tell more. If it makes no sense to you, tell your admin.",
        admin=True,
    ),
}

ENGLISH: Final = Words(
    language="en",
    sender="Mail Delivery System",
    months=(
        *("January", "February", "March", "April", "May", "June", "July"),
        *("August", "September", "October", "November", "December"),
    ),
    date="{day} {month} {year}, {hour:02d}:{minute:02d} UTC",
    durations=MappingProxyType(
        {
            "minute": ("{n} minute", "{n} minutes"),
            "hour": ("{n} hour", "{n} hours"),
            "day": ("{n} day", "{n} days"),
        }
    ),
    subjects=MappingProxyType(
        {
            Action.FAILED: "Not delivered: {subject}",
            Action.DELAYED: "Not delivered yet: {subject}",
            Action.DELIVERED: "Delivered: {subject}",
            Action.RELAYED: "Passed on: {subject}",
            Action.EXPANDED: "Passed on: {subject}",
        }
    ),
    no_subject="(no subject)",
    greeting="This is the mail system at {hostname}.",
    about="It is about your message of {date} with the subject\n\n{subject}",
    about_untitled="It is about your message of {date}, which has no subject.",
    headings=MappingProxyType(
        {
            Action.FAILED: "It was NOT delivered to:",
            Action.DELAYED: "It was not delivered YET to:",
            Action.DELIVERED: "It was delivered to:",
            Action.RELAYED: "It was passed on to the mail server of:",
            Action.EXPANDED: "It was passed on to the members of:",
        }
    ),
    why="Why: {text}",
    advice="What to do: {text}",
    said_by="What their server said ({host}):",
    said="What their server said:",
    found="In detail:",
    gave_up="We tried for {duration} and have given up.",
    retry_until="You need not do anything: we keep trying until {date}, and tell you if it "
    "fails for good.",
    retry="You need not do anything: we keep trying, and tell you if it fails for good.",
    others="Other recipients of the message, if there are any, are not concerned: where something "
    "goes wrong with them, you are told apart.",
    outcomes=MappingProxyType(
        {
            Action.DELIVERED: "The message is in the mailbox. Whether it was read is not known.",
            Action.RELAYED: "That server does not report deliveries, so you may hear no more of "
            "it, unless it fails.",
            Action.EXPANDED: "You will hear no more of it, unless it fails.",
        }
    ),
    for_admin="If you ask your admin about it, they will want this line:",
    for_admin_always="Your admin will want this line:",
    more="There are {n} more recipients: the second part of this message names them all.",
    returned_header="Below are details for programs, and the header of your message.",
    returned_whole="Below are details for programs, and your message.",
    returned_cut="Below are details for programs, and the header of your message, as the whole "
    "can't be returned.",
    parts=("Details for programs", "Your message"),
    explanations=MappingProxyType(_EXPLANATIONS),
    classes=MappingProxyType(_CLASSES),
)
