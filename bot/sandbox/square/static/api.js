// The actions of a citizen on Het Plein, over HTTP.

import { toast } from "../../slack/static/dialogs.js";
import { t } from "../../slack/static/words.js";

/** Post, edit and delete; each resolves to whether the server accepted it. */
export function squareApi() {
  const post = (content) => ask("POST", "square/posts", content);
  const edit = (id, text) => ask("PUT", `square/posts/${encodeURIComponent(id)}`, { text });
  const remove = (id) => ask("DELETE", `square/posts/${encodeURIComponent(id)}`);
  return { post, edit, remove };
}

async function ask(method, address, content) {
  const request = {
    method,
    headers: { "Content-Type": "application/json" },
    body: content && JSON.stringify(content),
  };
  try {
    const answer = await fetch(address, request);
    if (!answer.ok) toast(t("Het Plein nam dit niet aan (fout {status}).", { status: answer.status }));
    return answer.ok;
  } catch {
    toast(t("Het Plein is nu niet bereikbaar. Probeer het zo nog eens."));
    return false;
  }
}
