// The page: a client for the user in the URL, and the list of a public UI kit on top of it.

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createClient, indexedDBStorage } from "conversation-client";
import { App } from "./app.jsx";
import "@chatscope/chat-ui-kit-styles/dist/default/styles.min.css";
import "./style.css";

const parameters = new URLSearchParams(location.search);
const url = parameters.get("gateway") ?? "http://127.0.0.1:8080";
const userID = parameters.get("user") ?? "bob";

// A gateway in development mode gives a token to anybody; otherwise it comes from your backend.
const getToken = async () => (await (await fetch(`${url}/dev/token?user=${encodeURIComponent(userID)}`)).json()).token;

const client = createClient({ url, getToken, userID, storage: indexedDBStorage(), window: 20 });

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <App client={client} />
  </StrictMode>,
);
