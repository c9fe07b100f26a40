// The connection with the local Slack. It reconnects by itself.

const FIRST_WAIT = 400; // ms
const LONGEST_WAIT = 5000; // ms

/**
 * Keep a websocket open for one person. `onFrame(frame)` gets each frame; `onOnline(online)` is called when it connects
 * and when it is lost. `send` returns false without a connection: nothing is queued, since a click is meant for the
 * screen of that moment.
 */
export function connect(person, { onFrame, onOnline }) {
  const connection = { socket: null, wait: FIRST_WAIT, timer: 0, closed: false };
  const open = () => {
    clearTimeout(connection.timer);
    connection.socket = new WebSocket(addressFor(person));
    connection.socket.addEventListener("open", () => {
      connection.wait = FIRST_WAIT;
      onOnline(true);
    });
    connection.socket.addEventListener("message", (event) => onFrame(JSON.parse(event.data)));
    connection.socket.addEventListener("close", () => {
      if (connection.closed) return;
      onOnline(false);
      connection.timer = setTimeout(open, connection.wait);
      connection.wait = Math.min(connection.wait * 2, LONGEST_WAIT);
    });
  };
  open();
  return {
    send(frame) {
      if (connection.socket.readyState !== WebSocket.OPEN) return false;
      connection.socket.send(JSON.stringify(frame));
      return true;
    },
    retry() {
      if (connection.socket.readyState === WebSocket.CLOSED) open();
    },
    close() {
      connection.closed = true;
      clearTimeout(connection.timer);
      connection.socket.close();
    },
  };
}

function addressFor(person) {
  const url = new URL("page/socket", location.href.split("?")[0]);
  url.protocol = url.protocol.replace("http", "ws");
  if (person) url.searchParams.set("person", person);
  return url;
}
