// Sends one message with nodemailer. One JSON argument: {transport, message}, as nodemailer takes them.
import nodemailer from 'nodemailer';

const { transport, message } = JSON.parse(process.argv[2]);
try {
  const info = await nodemailer.createTransport(transport).sendMail(message);
  console.log(JSON.stringify({ accepted: info.accepted, rejected: info.rejected, response: info.response }));
} catch (error) {
  console.log(JSON.stringify({ code: error.code, responseCode: error.responseCode, response: error.response }));
  process.exit(1);
}
