"use strict";

const form = document.querySelector("form.options");
let seen = false; // a key pressed twice must not answer the next question before its pictures are there
let sent = false;

addEventListener("load", () => {
  seen = true;
});

addEventListener("keydown", (event) => {
  if (!seen || event.repeat || event.ctrlKey || event.altKey || event.metaKey || !/^[1-9]$/.test(event.key)) return;
  const button = form.querySelectorAll("button")[Number(event.key) - 1];
  if (button) button.click();
});

form.addEventListener("submit", (event) => {
  if (sent) event.preventDefault();
  sent = true;
});
