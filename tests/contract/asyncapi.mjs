// Reads an AsyncAPI document with the parser of the AsyncAPI project. What it says that is not a mere hint is a failure.
import { Parser, fromFile } from '@asyncapi/parser';

const WARNING = 1;
const { document, diagnostics } = await fromFile(new Parser(), process.argv[2]).parse();
const faults = diagnostics.filter((told) => told.severity <= WARNING);
for (const { code, message, path, range } of faults) {
    console.error(`line ${range.start.line + 1}, ${path.join('.')}: ${message} (${code})`);
}
console.log(document ? `${document.allChannels().length} channels, ${document.allMessages().length} messages` : 'not read');
process.exit(document && faults.length === 0 ? 0 : 1);
