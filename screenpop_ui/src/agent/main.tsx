import { render } from "preact";
import { startClock } from "../live/clock";
import { WithSession } from "../ui/session";
import { startTheme } from "../ui/theme";
import { Desktop } from "./desktop";

startTheme();
startClock();
const root = document.getElementById("app");
if (root) {
  render(
    <WithSession>{(desk, logOut) => <Desktop desk={desk} onLogOut={logOut} />}</WithSession>,
    root,
  );
}
