# ruff: noqa: E501
"""The report's sentences, in Dutch and in English."""

from typing import Any, Final

CHECK: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "en": {
        "files": ("No file is written", "Every file that either program opened for writing was noted by the kernel's "
                  "tracing. The program that sees pictures may open none; the other only those in its own folder."),
        "network": ("Nothing is sent, except numbers to the broker", "Every connection and every byte sent was noted. "
                    "The program that sees pictures may send nothing; the other only to the broker in its settings."),
        "seal": ("The seal holds", "The program tried every forbidden act on itself and was refused each. From outside, "
                 "the kernel shows that every one of its threads is sealed and that it holds no connection."),
        "door": ("Only valid records leave", "Everything that came out of the sealed program was read and checked: "
                 "records of 64 bytes with counts in fixed ranges, and nothing in the bytes that are not used."),
        "memory": ("No picture stays in memory", "Between two pictures the memory of both programs was searched for "
                   "pieces of the watermarked pictures: as they come, made smaller, and as numbers for the network."),
        "traces": ("No picture is left behind", "Shared memory, the programs' folders and, where there is one, the "
                   "system's journal were searched for pieces of the pictures."),
        "traffic": ("No picture in the messages", "Every message at the broker was searched for pieces of the "
                    "pictures: plain, hexadecimal and base64."),
    },
    "nl": {
        "files": ("Er wordt geen bestand geschreven", "Elk bestand dat een van beide programma's opende om te schrijven "
                  "is bijgehouden. Het programma dat beelden ziet mag er geen openen; het andere alleen in zijn eigen map."),
        "network": ("Er wordt niets verzonden, behalve getallen naar de broker", "Elke verbinding en elke verzonden byte "
                    "is bijgehouden. Het programma dat beelden ziet mag niets verzenden; het andere alleen naar de "
                    "broker in zijn instellingen."),
        "seal": ("De verzegeling houdt", "Het programma heeft elke verboden handeling zelf geprobeerd en is elke keer "
                 "geweigerd. Van buitenaf laat de kernel zien dat alle onderdelen ervan verzegeld zijn en dat het geen "
                 "verbinding heeft."),
        "door": ("Alleen geldige records komen naar buiten", "Alles wat uit het verzegelde programma kwam is gelezen en "
                 "gecontroleerd: records van 64 bytes met aantallen binnen vaste grenzen, en niets in de ongebruikte "
                 "bytes."),
        "memory": ("Er blijft geen beeld in het geheugen", "Tussen twee beelden is het geheugen van beide programma's "
                   "doorzocht op stukjes van de beelden met het watermerk: zoals ze binnenkomen, verkleind, en als "
                   "getallen voor het netwerk."),
        "traces": ("Er blijft geen beeld achter", "Gedeeld geheugen, de mappen van de programma's en, als het er is, "
                   "het systeemlogboek zijn doorzocht op stukjes van de beelden."),
        "traffic": ("Geen beeld in de berichten", "Elk bericht bij de broker is doorzocht op stukjes van de beelden: "
                    "gewoon, hexadecimaal en base64."),
    },
}  # fmt: skip
LEAK: Final[dict[str, dict[str, str]]] = {
    "en": {
        "file": "a program that writes pictures to a file before the seal",
        "network": "a program that sends pictures over the network before the seal",
        "telemetry": "a program whose library reports to its maker (ONNX Runtime's telemetry)",
        "door": "a program that hides pixels in the unused bytes of a record",
        "hygiene": "a program that does not overwrite pictures after use",
        "planted": "a piece of a picture put there by the audit itself",
    },
    "nl": {
        "file": "een programma dat voor de verzegeling beelden in een bestand schrijft",
        "network": "een programma dat voor de verzegeling beelden over het netwerk verzendt",
        "telemetry": "een programma waarvan een bibliotheek aan de maker rapporteert (telemetrie van ONNX Runtime)",
        "door": "een programma dat beeldpunten verstopt in de ongebruikte bytes van een record",
        "hygiene": "een programma dat beelden na gebruik niet overschrijft",
        "planted": "een stukje beeld dat de controle er zelf heeft neergezet",
    },
}
WORDS: Final[dict[str, dict[str, Any]]] = {
    "en": {
        "title": "Audit: do pictures leave the sensor?",
        "pass": "Nothing was found",
        "fail": "Not in order",
        "pass_text": "In this audit no picture, and no piece of one, left the memory of the device. Every check was "
        "proven in the same run: a leak made on purpose was caught.",
        "fail_text": "At least one check below does not hold, or did not catch the leak that was made on purpose to "
        "test it. Do not rely on this device until that is explained.",
        "planted": "This run was made with a leak planted on purpose",
        "controller": "Controller",
        "purpose": "Purpose",
        "until": "until",
        "when": "Time (UTC)",
        "watched": "watched for",
        "subject": "What was audited",
        "how": "How",
        "how_text": "The device's own programs and settings were run on made pictures that carry a secret watermark, "
        "in place of the camera. The operating system noted every file, connection and byte; memory, files and "
        "messages were then searched for the watermark.",
        "checks": "Checks",
        "door": "What could leave at most",
        "door_text": "The sealed program can choose at most {bits} bits an hour. If it did nothing but lie, one small "
        "photograph (10 kB) would take {hours} hours. The timing of records is not counted.",
        "limits": "What this audit does not show",
        "limits_list": [
            "Whoever is administrator (root) of the device can read its memory or replace its software. The hashes "
            "below show what was audited.",
            "The operating system's kernel, the camera's driver and image processor, graphics memory and a camera "
            "service of the maker lie outside the sealed program.",
            "The camera itself was replaced by made pictures; its driver was not part of this run.",
            "Signals in timing, processor load or heat are not measured.",
            "Searched are pieces as they come, made smaller and as numbers; not every form a program could think of. "
            "Against those stands the seal.",
        ],
        "versions": "Versions and features",
        "holds": "holds",
        "fails": "does not hold",
        "seen": "Seen",
        "control": "Tested with",
        "caught": "It was caught.",
        "missed": "It was NOT caught.",
        "yes": "yes",
        "no": "no",
        "none": "none",
        "sign": "Name and signature of the auditor",
        "date": "Date",
    },
    "nl": {
        "title": "Controle: verlaten beelden de sensor?",
        "pass": "Er is niets gevonden",
        "fail": "Niet in orde",
        "pass_text": "In deze controle heeft geen beeld, en geen stukje daarvan, het geheugen van het apparaat verlaten. "
        "Elke toets is in dezelfde controle beproefd: een opzettelijk gemaakt lek werd gevonden.",
        "fail_text": "Ten minste een van de toetsen hieronder klopt niet, of vond het lek niet dat is gemaakt om de toets "
        "te beproeven. Vertrouw niet op dit apparaat zolang dat niet is verklaard.",
        "planted": "In deze controle is opzettelijk een lek aangebracht",
        "controller": "Verwerkingsverantwoordelijke",
        "purpose": "Doel",
        "until": "tot en met",
        "when": "Tijd (UTC)",
        "watched": "gevolgd gedurende",
        "subject": "Wat is gecontroleerd",
        "how": "Werkwijze",
        "how_text": "De eigen programma's en instellingen van het apparaat kregen, in plaats van de camera, gemaakte "
        "beelden met een geheim watermerk. Het besturingssysteem hield elk bestand, elke verbinding en elke byte bij; "
        "daarna zijn geheugen, bestanden en berichten doorzocht op het watermerk.",
        "checks": "Toetsen",
        "door": "Wat er hooguit uit kan",
        "door_text": "Het verzegelde programma kan hooguit {bits} bits per uur zelf kiezen. Als het alleen maar zou "
        "liegen, kost een kleine foto (10 kB) {hours} uur. Het tijdstip van records telt niet mee.",
        "limits": "Wat deze controle niet laat zien",
        "limits_list": [
            "Wie beheerder (root) van het apparaat is, kan het geheugen lezen of de software vervangen. De hashes "
            "hieronder tonen wat is gecontroleerd.",
            "De kernel van het besturingssysteem, het stuurprogramma en de beeldprocessor van de camera, grafisch "
            "geheugen en een cameradienst van de fabrikant vallen buiten het verzegelde programma.",
            "De camera zelf is vervangen door gemaakte beelden; het stuurprogramma hoorde niet bij deze controle.",
            "Signalen in tijdstippen, processorbelasting of warmte zijn niet gemeten.",
            "Gezocht is naar stukjes zoals ze binnenkomen, verkleind en als getallen; niet naar elke vorm die een "
            "programma kan bedenken. Daartegen is er de verzegeling.",
        ],
        "versions": "Versies en mogelijkheden",
        "holds": "klopt",
        "fails": "klopt niet",
        "seen": "Gezien",
        "control": "Beproefd met",
        "caught": "Het werd gevonden.",
        "missed": "Het werd NIET gevonden.",
        "yes": "ja",
        "no": "nee",
        "none": "geen",
        "sign": "Naam en handtekening van de controleur",
        "date": "Datum",
    },
}
