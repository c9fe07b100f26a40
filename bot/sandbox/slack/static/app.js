// The page of Slack alone: the side column is open while a thread is.

import { createPage, startPage } from "./page.js";

const page = createPage();
page.store.on("hello thread", ({ thread }) => page.showSide(Boolean(thread)));
startPage(page);
