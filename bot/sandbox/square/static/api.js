// The actions of a citizen on Het Plein, over HTTP.

import { toast } from "../../slack/static/dialogs.js";
import { t } from "../../slack/static/words.js";

/** The characters of a post at most, as in ../posts.py. */
const MAX_TEXT = 5000;

/** Post, edit and delete; each resolves to whether the server accepted it. */
export function squareApi() {
  const post = (content) => ask("POST", "square/posts", content);
  const edit = (id, text) => ask("PUT", `square/posts/${encodeURIComponent(id)}`, { text });
  const remove = (id) => ask("DELETE", `square/posts/${encodeURIComponent(id)}`);
  return { post, edit, remove };
}

async function ask(method, address, content) {
  const over = [...(content?.text ?? "")].length - MAX_TEXT;
  if (over > 0) {
    toast(t("Een bericht telt hooguit 5.000 tekens. Haal er {n} weg.", { n: over }));
    return false;
  }
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
