// The connection with the local Slack. It mends itself; the page says so while it is away.

const FIRST_WAIT = 400; // ms
const LONGEST_WAIT = 5000; // ms

/**
 * Keep a websocket open for one person. `onFrame(frame)` gets each message, `onLine(bool)` hears of connection and loss.
 * `send` answers false when there is no connection; nothing is queued, since a click is meant for what is on the screen now.
 */
export function connect(person, { onFrame, onLine }) {
  const line = { socket: null, wait: FIRST_WAIT, timer: 0, closed: false };
  const open = () => {
    clearTimeout(line.timer);
    line.socket = new WebSocket(addressFor(person));
    line.socket.addEventListener("open", () => {
      line.wait = FIRST_WAIT;
      onLine(true);
    });
    line.socket.addEventListener("message", (event) => onFrame(JSON.parse(event.data)));
    line.socket.addEventListener("close", () => {
      if (line.closed) return;
      onLine(false);
      line.timer = setTimeout(open, line.wait);
      line.wait = Math.min(line.wait * 2, LONGEST_WAIT);
    });
  };
  open();
  return {
    send(frame) {
      if (line.socket.readyState !== WebSocket.OPEN) return false;
      line.socket.send(JSON.stringify(frame));
      return true;
    },
    retry() {
      if (line.socket.readyState === WebSocket.CLOSED) open();
    },
    close() {
      line.closed = true;
      clearTimeout(line.timer);
      line.socket.close();
    },
  };
}

function addressFor(person) {
  const url = new URL("page/socket", location.href.split("?")[0]);
  url.protocol = url.protocol.replace("http", "ws");
  if (person) url.searchParams.set("person", person);
  return url;
}
