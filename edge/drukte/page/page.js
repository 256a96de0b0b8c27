// Loads the numbers anew; without it the page is the same, until somebody reloads it.
const every = Number(document.currentScript.dataset.every) * 1000;
setInterval(async () => {
  const open = [...document.querySelectorAll("details")].map((one) => one.open);
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of ["main", "footer"]) document.querySelector(part).replaceWith(page.querySelector(part));
    document.querySelectorAll("details").forEach((one, number) => { one.open = open[number] ?? false; });
  } catch { /* the device is away for a moment: the next time */ }
}, every);
