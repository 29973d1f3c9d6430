// With whom does the demo fill the lists?

export const CONTACTS = [
  ["carol", "Carol Mendes", ["Are we still on for tomorrow?", "The venue confirmed, 7 pm 🎉"]],
  ["mom", "Mom", ["Did you eat?", "Call me when you are home ❤️"]],
  ["dimitri", "Dimitri Volkov", ["The build is green again"]],
  ["xiaoyu", "王小雨", ["周末一起吃火锅吗?", "我订好位子了"]],
  ["grace", "Grace Kim", ["I put my notes on the contract into the folder. Page 4 needs your eyes before it goes out."]],
  ["emma", "Emma Larsson", ["Your parcel is at our place 📦"]],
  ["farid", "Farid Haddad", ["Thanks, that worked!"]],
  ["ines", "Inês Duarte", ["Landed. Passport control looks endless…", "Through! Taxi now"]],
  ["jun", "Jun Watanabe", ["写真ありがとう!"]],
  ["support", "Support", ["Your ticket 48213 was closed."]],
];

// [groupID, showName, [[sender, text, extras]…]]; extras: "me" = mentions the user, "all" = @all.
export const GROUPS = [
  ["announcements", "Announcements", [["grace", "Office closed on Friday", "all"]]],
  ["bookclub", "Book Club", [["emma", "Chapter 9 by Sunday?"], ["jun", "I am two chapters behind, as ever"]]],
  ["climbing", "Climbing Thursdays", [["farid", "Who brings the long rope?", "me"]]],
  ["family", "Family", [["mom", "Look who can stand! 👶"], ["mom", "12 photos"], ["mom", "Now she waves"]]],
  ["team", "Product Team", [["dimitri", "Release notes are up for review"], ["carol", "On it"]]],
];

export const LINES = [
  "On my way", "Can you look at this?", "👍", "Sounds good to me", "Running five minutes late", "Sent you the file", "Ha, exactly",
  "Let us do it tomorrow", "Who has the key?", "Shipped!", "Coffee?", "Nice work on that one", "One moment…", "See you there",
];
