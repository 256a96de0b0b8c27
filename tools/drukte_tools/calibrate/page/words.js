// All words of the page. `$1`, `$2` ... stand for values.
const en = {
  language: "Nederlands", tools: "Tools", look: "Look", point: "Point", zone: "Zone", line: "Line", undo: "Undo (Ctrl+Z)",
  in: "Enlarge", out: "Shrink", whole: "Whole picture", picture: "Picture of the place", up: "Up", down: "Down",
  leftwards: "Left", rightwards: "Right", remove: "Remove", map: "Error map", grid: "Metres grid", gridStep: "Grid of $1 m",
  told: "$1 told within $2", blurred: "worse", unknown: "not told", points: "1. Points on the ground", known: "What was measured",
  byMetres: "I know their positions", byDistances: "I know distances between them", addDistance: "Add a distance",
  more: "Lens and accuracy", camera: "Camera", noCamera: "not known", fov: "Field of view, across (°)",
  click: "Error of a click (px)", measured: "Error of a measurement (m)", zones: "2. Zones and counting lines",
  above: "From above", by: "Calibrated by", save: "3. Save", close: "End and wipe the picture", name: "name", x: "x (m)", y: "y (m)",
  check: "check only", off: "off", from: "from", to: "to", metres: "m", minutes: "$1 min left", seconds: "$1 s left",
  hintLook: "Drag to shift, wheel or two fingers to enlarge, drag a mark to move it",
  hintPoint: "Click a mark on the ground; arrow keys and Enter work too",
  hintZone: "Click the zone's corners; click the first one again, or press Enter, to close it",
  hintLine: "Click both ends of a counting line of zone “$1”", hintNoZone: "Draw a zone first",
  pass: "PASS: $1 m is told within $2 m", fail: "FAIL: $1 m is not told within $2 m",
  notYet: "No calibration yet", area: "$1 m²", areaTold: "$1 m², $2 of it told, largest error $3", none: "none",
  addLine: "Add line", corners: "Corners in metres", turn: "Turn direction", zoneName: "Name of the zone",
  lineName: "Name of the line", leftOut: "Error at places left out of the fit: $1 m", cameraAt:
  "Camera: $1 m above ($2, $3) m, looking $4° down", saved: "Saved", notSaved: "Not saved",
  gone: "The program has ended. Start `drukte calibrate page` again.", closed:
  "Ended. The picture is wiped; this page can be closed.", unsaved: "There are changes that were not saved. End anyway?",
  "few-points": "$1 of at least four points have their metres", "no-points": "Click four or more points on the ground",
  "no-distances": "Give the distances between the points", exact:
  "Four points fit any ground exactly, so a mistake in one of them does not show: add a fifth, or tick “check only”",
  enough: "Just enough lengths: a mistake in one does not show; measure one more (a diagonal)",
  "share": "$1: $2 m can be told within $3 m on $4 of it; at least $5 is asked ($6 of it is in the picture)",
  "out-of-sight": "$1: no part of it is in the picture; do its metres belong to another origin? Draw it anew",
  outlier: "A point or length lies $1 standard errors off: measure or click it again",
  "left-out": "Places left out of the fit are $1 m off; at most $2 m is allowed",
  beyond: "$1: a corner lies where the ground is not told", outside: "$1: part of it lies outside the picture",
  overlap: "$1 and $3 share $2 m²: people there are counted in both", double: "Two zones are called “$1”",
  many: "At most $2 zones", "zone-name": "$1: a name is 1 to 40 lower-case letters, digits and inner hyphens",
  "few-corners": "$1: a zone has three or more corners", "short-line": "$1: a counting line is shorter than 0.5 m",
  "line-name": "$1: a line's name is 1 to 40 lower-case letters, digits and inner hyphens; each its own",
  small: "$1: $2 m² is too small; at least $3 m², so that a count is not about one spot",
  crossing: "$1: two of its sides cross; move a corner",
};
const nl = {
  language: "English", tools: "Gereedschap", look: "Kijken", point: "Punt", zone: "Zone", line: "Lijn", undo: "Ongedaan maken (Ctrl+Z)",
  in: "Vergroten", out: "Verkleinen", whole: "Heel beeld", picture: "Beeld van de plek", up: "Omhoog", down: "Omlaag",
  leftwards: "Naar links", rightwards: "Naar rechts", remove: "Verwijderen", map: "Foutenkaart", grid: "Meterraster", gridStep: "Raster van $1 m",
  told: "$1 te bepalen binnen $2", blurred: "slechter", unknown: "niet te bepalen", points: "1. Punten op de grond", known: "Wat is gemeten",
  byMetres: "Ik ken hun plaats", byDistances: "Ik ken onderlinge afstanden", addDistance: "Afstand toevoegen",
  more: "Lens en nauwkeurigheid", camera: "Camera", noCamera: "onbekend", fov: "Beeldhoek, horizontaal (°)",
  click: "Fout van een klik (px)", measured: "Fout van een meting (m)", zones: "2. Zones en tellijnen",
  above: "Van boven", by: "Gekalibreerd door", save: "3. Bewaren", close: "Stoppen en beeld wissen", name: "naam", x: "x (m)", y: "y (m)",
  check: "alleen controle", off: "ernaast", from: "van", to: "naar", metres: "m", minutes: "nog $1 min", seconds: "nog $1 s",
  hintLook: "Sleep om te schuiven, wiel of twee vingers om te vergroten, sleep een merk om het te verplaatsen",
  hintPoint: "Klik een merk op de grond aan; pijltjes en Enter werken ook",
  hintZone: "Klik de hoeken van de zone; klik de eerste nog eens, of druk op Enter, om te sluiten",
  hintLine: "Klik beide uiteinden van een tellijn van zone “$1”", hintNoZone: "Teken eerst een zone",
  pass: "GESLAAGD: $1 m is te bepalen binnen $2 m", fail: "GEZAKT: $1 m is niet te bepalen binnen $2 m",
  notYet: "Nog geen kalibratie", area: "$1 m²", areaTold: "$1 m², $2 ervan bepaald, grootste fout $3", none: "geen",
  addLine: "Lijn toevoegen", corners: "Hoeken in meters", turn: "Richting omdraaien", zoneName: "Naam van de zone",
  lineName: "Naam van de lijn", leftOut: "Fout op plekken buiten de aanpassing: $1 m", cameraAt:
  "Camera: $1 m boven ($2, $3) m, kijkt $4° omlaag", saved: "Bewaard", notSaved: "Niet bewaard",
  gone: "Het programma is gestopt. Start `drukte calibrate page` opnieuw.", closed:
  "Gestopt. Het beeld is gewist; deze pagina kan dicht.", unsaved: "Er zijn wijzigingen die niet bewaard zijn. Toch stoppen?",
  "few-points": "$1 van minstens vier punten hebben hun meters", "no-points": "Klik vier of meer punten op de grond aan",
  "no-distances": "Geef de afstanden tussen de punten", exact:
  "Vier punten passen altijd precies, dus een fout in een ervan valt niet op: voeg een vijfde toe, of vink “alleen controle” aan",
  enough: "Net genoeg lengtes: een fout in een ervan valt niet op; meet er nog een (een diagonaal)",
  "share": "$1: $2 m is binnen $3 m te bepalen op $4 ervan; gevraagd is minstens $5 ($6 ervan is in beeld)",
  "out-of-sight": "$1: geen deel ervan is in beeld; horen de meters bij een andere oorsprong? Teken opnieuw",
  outlier: "Een punt of lengte ligt $1 standaardfouten ernaast: meet of klik opnieuw",
  "left-out": "Plekken buiten de aanpassing liggen $1 m ernaast; hoogstens $2 m is toegestaan",
  beyond: "$1: een hoek ligt waar de grond niet te bepalen is", outside: "$1: een deel ligt buiten beeld",
  overlap: "$1 en $3 delen $2 m²: wie daar is, telt in beide mee", double: "Twee zones heten “$1”",
  many: "Hoogstens $2 zones", "zone-name": "$1: een naam is 1 tot 40 kleine letters, cijfers en koppeltekens ertussen",
  "few-corners": "$1: een zone heeft drie of meer hoeken", "short-line": "$1: een tellijn is korter dan 0,5 m",
  "line-name": "$1: de naam van een lijn is 1 tot 40 kleine letters, cijfers en koppeltekens ertussen; elk een eigen",
  small: "$1: $2 m² is te klein; minstens $3 m², zodat een telling niet over één plek gaat",
  crossing: "$1: twee zijden kruisen; verplaats een hoek",
  // Told by the program in English.
  "in-line": "Drie of meer punten liggen (bijna) op één lijn of zijn dubbel; spreid ze", mirrored:
  "De kaart is gespiegeld: van boven gezien ligt y tegen de klok in vanaf x. Draai het teken van één as om, of kijk of twee punten verwisseld zijn",
  swapped: "Geen vlakke grond past bij deze punten; zijn er twee verwisseld?",
  "same-place": "Alle punten hebben dezelfde plaats", "few-lengths": "Te weinig afstanden: $1; zonder bekende lens zijn er vier nodig, met lens drie",
  untouched: "Er gaat geen afstand naar punt “$1”; meet er een of laat het punt weg", "no-camera":
  "Geen camera boven een vlakke grond ziet dit; liggen alle punten op de grond, en zijn er geen twee verwisseld?",
  written: "Geschreven: $1", certificate: "Certificaat: $1", todo: "Nog te doen in $1: $2", "no-certificate":
  "Het certificaat $1 kon niet worden geschreven; geef een andere plaats: --certificate", "dry-run": "Niets geschreven (--dry-run)",
  layout: "Het eerste punt, “$1”, is (0, 0) en “$2” ligt op de x-as", "fov-found": "Gevonden beeldhoek: $1°",
  number: "Gebruik getallen met een punt of komma",
};
const all = { en, nl };
export let language = "en";

export function speak(code) {
  language = all[code] ? code : "en";
}

/** The words for `key`, with values filled in; `fallback` where this language has none. */
export function say(key, values = [], fallback = key) {
  const text = all[language][key] ?? (language === "en" ? fallback : en[key] ?? fallback);
  return text.replace(/\$(\d)/g, (_, n) => values[n - 1] ?? "");
}

/** A number with a language's own decimal mark. */
export function number(value, digits) {
  return (value + 0 || 0).toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false });
}

export const share = (value) => `${Math.round(value * 100)}%`;
