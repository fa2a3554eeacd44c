import { render } from "preact";
import { startClock } from "../live/clock";
import { startTheme } from "../ui/theme";
import { Console } from "./console";
import { startRouter } from "./router";

startTheme();
startClock();
startRouter();
const root = document.getElementById("app");
if (root) render(<Console />, root);
