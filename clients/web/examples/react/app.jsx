// What does the live list have to bring for a list component that others made? Its rows in order, and one function for more of them.

import { memo, useEffect, useState, useSyncExternalStore } from "react";
import { Avatar, Conversation, ConversationList } from "@chatscope/chat-ui-kit-react";

/** How the connection stands, in words. */
const STATUS = { connecting: "connecting…", syncing: "syncing…", live: "", waiting: "offline", stopped: "signed out" };

export function App({ client }) {
  const list = client.list();
  const { conversations, totalUnreadCount, status } = useSyncExternalStore(list.subscribe, list.getSnapshot);
  const [openID, setOpenID] = useState(null);

  useEffect(() => {
    document.title = totalUnreadCount ? `(${totalUnreadCount}) Conversations` : "Conversations";
  }, [totalUnreadCount]);

  function open({ conversationID, unreadCount }) {
    setOpenID(conversationID);
    // The badge goes when the gateway says so: on all of the user's devices at once.
    if (unreadCount) client.cleanConversationUnreadMessageCount({ conversationID }).catch(reportError);
  }

  return (
    <main>
      <header>
        <h1>Conversations</h1>
        <span role="status">{STATUS[status.kind]}</span>
      </header>
      {/* The kit keeps the first function that it is given. That one stays right: the list is the same object, and loads nothing where there is no more. */}
      <ConversationList loading={totalUnreadCount === null} onYReachEnd={() => list.loadMore().catch(reportError)}>
        {conversations.map((row) => (
          <Row key={row.conversationID} row={row} isOpen={row.conversationID === openID} onOpen={open} />
        ))}
      </ConversationList>
    </main>
  );
}

/** Drawn anew only where its row changed: rows that did not change are the same objects. */
const Row = memo(
  function Row({ row, isOpen, onOpen }) {
    const { showName, conversationID, unreadCount, lastMessage, isPinned, draftText, recvOpt } = row;
    const name = showName || conversationID;
    return (
      <Conversation
        name={isPinned ? `📌 ${name}` : name}
        {...(draftText ? { lastSenderName: "Draft", info: draftText } : lastMessage && previewOf(lastMessage))}
        lastActivityTime={lastMessage && new Date(lastMessage.timestamp * 1000).toLocaleDateString()}
        // A muted conversation shows that there is something, not how much.
        unreadCnt={recvOpt === 0 ? unreadCount : 0}
        unreadDot={recvOpt !== 0 && unreadCount > 0}
        active={isOpen}
        data-id={conversationID}
        onClick={() => onOpen(row)}
      >
        <Avatar name={name} src={row.faceUrl || initialsOf(name)} />
      </Conversation>
    );
  },
  (before, after) => before.row === after.row && before.isOpen === after.isOpen,
);

function previewOf({ isSelf, nickName, sender, status, text }) {
  const lastSenderName = isSelf ? "You" : nickName || sender;
  return { lastSenderName, info: status === 6 ? "recalled a message" : text };
}

/** A picture for who has none. */
function initialsOf(name) {
  const letter = [...name][0].toUpperCase().replace(/[<&]/, "?");
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2"><rect width="2" height="2" fill="#6ea9d7"/>
    <text x="1" y="1.4" font-size="1.1" font-family="sans-serif" text-anchor="middle" fill="#fff">${letter}</text></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
