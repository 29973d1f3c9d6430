// What an app imports in the place of "@tencentcloud/chat": by an alias of its bundler, or by the path of this file.

import { createSDK } from "conversation-client/sdk";

export default createSDK({ url: process.env.GATEWAY_URL });
