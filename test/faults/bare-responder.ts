// A NATS responder that does nothing but reply a while after it was asked, as the relay does at a deadline: what is late
// here too is late because the machine stands still. Arguments: NATS URL, subject, ms until the reply.
import { connect } from 'nats';

const [servers = '', subject = '', delayMs = ''] = process.argv.slice(2);
const nats = await connect({ servers, maxReconnectAttempts: -1, waitOnFirstConnect: true });
nats.subscribe(subject, { callback: (_error, message) => void setTimeout(() => message.respond(), Number(delayMs)) });
